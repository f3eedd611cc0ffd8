"""What a person looks at: pictures of a model's outputs, figures of its numbers, the report."""
