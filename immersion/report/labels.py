"""Labels, meanings and captions of the report: models, estimates, curves and figures."""

RECIPES = {
    "vae": "VAE",
    "ae": "autoencoder",
    "linear-ae": "linear autoencoder",
    "gan": "GAN",
    "gan2014": "GAN of 2014",
    "vae-gan": "VAE-GAN",
    "aae": "adversarial autoencoder",
    "denoise": "denoiser",
    "enlarge": "enlarger",
    "colourise": "colouriser",
    "segment": "segmenter",
    "inpaint": "filler of holes",
}
"""What recipes make; others keep their names."""

GANS = {"gan", "gan2014"}
"""Recipes whose model is a generator with no density and no encoder of its own."""

SEVERITIES = {"fine": "fine", "note": "note", "warning": "look into it", "failure": "failed"}
"""How grave a finding is, for a person to read."""

CURVES = (
    "Means per example: of training, over the steps since the point before; of validation, over "
    "the whole split. A validation curve that turns back while training goes on improving shows "
    "that the model has begun to learn its examples by heart."
)

CURVES_OF_A_GAME = (
    "A game of several players: no curve goes down to an optimum, and no loss says how good the "
    "samples are. What can be read is who is winning. V(D, G) at −log 4 and an accuracy of one "
    "half mean that the discriminator can tell nothing apart; V near 0 and an accuracy near 1, "
    "that it tells everything apart and has little left to teach. (In games other than minimax "
    "and non-saturating the logits' level is free: there V may lie lower.) Validation asks the "
    "discriminator about real examples that it was not trained on, but the averaged one where an "
    "average is kept: the overfitting of the discriminator, among the numbers, compares like with "
    "like."
)

ESTIMATES = {
    "elbo": ("ELBO", "Lower bound on log p(x). Higher is better."),
    "importance_weighted_bound": (
        "Importance-weighted bound",
        "A tighter bound: it rises to log p(x) with the number of codes. Higher is better.",
    ),
    "bits_per_dim": ("Bits per dimension", "The ELBO as a code length. Lower is better."),
    "log_likelihood": ("E log p(x|z)", "How well a code explains its example. Higher is better."),
    "kl": ("KL(q(z|x) || p(z))", "What a code says about its example, and costs."),
    "squared_error": ("Squared error", "||x - E[x|z]||² of an example. Lower is better."),
    "ppca_log_likelihood": (
        "log p(x) of probabilistic PCA",
        "The linear model with as many latents, exact: the baseline to beat.",
    ),
    "frechet": (
        "Frechet distance",
        "Between samples and test examples, each a Gaussian in the features that the protocol "
        "names; other features give other numbers. Lower is better.",
    ),
    "frechet_unbiased": (
        "Frechet distance, unbiased",
        "The same, extrapolated to infinitely many samples; for a perfect model about 0.",
    ),
    "kernel_distance": (
        "Kernel distance",
        "Squared maximum mean discrepancy in the same features. For a perfect model about 0.",
    ),
    "precision": ("Precision", "Samples that lie where test examples do. Higher is better."),
    "recall": ("Recall", "Test examples that lie where samples do. Higher is better."),
    "density": (
        "Density",
        "Precision that no outlier can raise: how many test examples a sample is near. For a "
        "perfect model about 1.",
    ),
    "coverage": (
        "Coverage",
        "Test examples that have a sample near them: kinds that are missing lower it. For a "
        "perfect model about 0.97.",
    ),
    "two_sample_accuracy": (
        "Accuracy of a classifier",
        "That is shown samples and test examples: 0.5 if it cannot tell them apart, 1 if always.",
    ),
    "modes": ("Modes", "Of those that the data are known to have, how many samples fall on."),
    "high_quality": ("High quality", "Samples within three standard deviations of a mode."),
    "reverse_kl": (
        "Reverse KL over modes",
        "KL divergence from the samples' shares of the modes to equal ones; of points, those of "
        "high quality alone count. Lower is better.",
    ),
    "discriminator_overfitting": (
        "Overfitting of the discriminator",
        "Share of the gap between training examples and draws that it loses on test examples. 0: "
        "nothing is learnt by heart; 1: everything.",
    ),
    "nearest_drawn": (
        "Nearest training example, of samples",
        "The distance. Far below that of test examples, samples are copies.",
    ),
    "nearest_held_out": ("Nearest training example, of test examples", "The distance."),
    "nearer_than_held_out": (
        "Samples nearer to training data",
        "How often a sample lies nearer to its nearest training example than a test example does: "
        "0.5 for new examples, towards 1 for copies.",
    ),
    "parzen_log_likelihood": (
        "Parzen-window log-likelihood",
        "For comparison with published tables alone: it orders models of images wrongly. Higher "
        "is meant to be better.",
    ),
    "parzen_of_real_data": (
        "Parzen windows on real data",
        "The same of as many training examples: a model that scores more is no better than data.",
    ),
}
"""Estimates by name: what they are called and what they mean."""

CAPTIONS = {
    "translations": (
        "What it is given, what it says, what is right",
        "A row for each test picture: the input, the output, and the truth. Of a network with "
        "several answers, some of them in between. Look for details that are smoothed away, and "
        "for details that were never there.",
    ),
    "reconstructions": (
        "Reconstructions",
        "Rows in pairs: test examples, and below each what its code decodes to. What is lost "
        "is what the code does not carry; look for details that are smoothed away and for rare "
        "shapes that turn into common ones.",
    ),
    "samples": (
        "Samples",
        "Codes drawn from the prior, decoded to the mean of p(x|z). Look for as much variety as "
        "in the data, and for images between kinds: there the prior has mass but the data do not.",
    ),
    "manifold": (
        "The manifold",
        "A plane of codes, decoded: two latents go through the unit square by the inverse "
        "Gaussian CDF, the others are 0, so that every image stands for the same probability "
        "under N(0, I). Look for smooth changes, and for how much room each kind of image takes.",
    ),
    "latent": (
        "The latent space",
        "Each point is the mean code of one test example, coloured by class where there are "
        "classes. The model was not told them: kinds that come apart were found in the data.",
    ),
    "interpolation": (
        "Interpolation",
        "Each row walks from the code of one test example to the code of another. On a manifold "
        "well learned, every image on the way could be an example; a cross-fade of the two ends "
        "means that the way leaves the data.",
    ),
    "walks": (
        "Walks",
        "Each row walks from one code drawn from the prior to another. Look for changes that are "
        "smooth, and for images on the way that could be examples themselves.",
    ),
    "neighbours": (
        "Nearest training images",
        "Rows in pairs: samples, and below each the training image that is nearest to it in "
        "pixels, of at most 60,000. Samples that are their neighbours, grain for grain, are "
        "copies: the model has learned its examples by heart.",
    ),
    "drawn": (
        "Drawn on request",
        "The first of what immersion sample drew last, decoded to the mean of p(x|z); of a table, "
        "rows drawn from p(x|z) beside the data.",
    ),
    "table": (
        "Data and draws",
        "Rows of the data beside rows drawn from the model, z from the prior and x from p(x|z), "
        "on the same axes. Look for groups that are missing and for draws where the data have "
        "none.",
    ),
}
"""Pictures by name: a title, and what to look for. They are shown in this order."""

CAPTIONS_OF_A_GAN = {
    "samples": (
        "Samples",
        "Codes drawn from the prior, and what the generator makes of them, not chosen. Look for "
        "as much variety as in the data, and for the same image again and again: a generator "
        "that has collapsed makes a few good ones and nothing else.",
    ),
    "manifold": (
        "The manifold",
        "A plane of codes through the generator: two of the code's numbers go through the unit "
        "square by the prior's inverse CDF, the others are 0. Look for smooth changes; jumps "
        "show where the generator has torn its manifold to cover kinds that do not touch.",
    ),
    "table": (
        "Data and draws",
        "Rows of the data beside rows that the generator made, on the same axes. Look for groups "
        "that are missing, and for draws on the way between groups, where the data have none.",
    ),
    "reconstructions": (
        "Reconstructions",
        "Rows in pairs: test examples, and below each the nearest that the generator can make of "
        "it, from the code that was found for it. What is missing from the generator's manifold "
        "cannot be reconstructed.",
    ),
}
"""What to look for in a GAN's pictures, where it differs."""

NOT_GENERATIVE = (
    "An autoencoder learns a code for every example but no distribution over codes. Here codes "
    "were drawn from N(0, I) all the same, and decoded. Nothing in training asked the codes of "
    "data to look like draws from N(0, I), so most of these lie where the decoder was never "
    "trained, and what it returns there resembles no data."
)

MEASURES = {
    "psnr": ("PSNR", "Of the output, against the clean picture. Higher is better."),
    "psnr_before": ("PSNR before", "Of what the network was given: what is to be beaten."),
    "ssim": ("SSIM", "How alike the structures are; 1 for the same picture. Higher is better."),
    "interval_90": (
        "Values inside their 90 % interval",
        "What the network says of its own error, held against the truth: 0.9 if it is right.",
    ),
    "psnr_y": ("PSNR of luma", "Of the brightness alone. Higher is better."),
    "psnr_y_before": ("PSNR of luma, bicubic", "Of bicubic enlargement: what is to be beaten."),
    "ssim_y": ("SSIM of luma", "Of the brightness alone. Higher is better."),
    "psnr_hole": ("PSNR of what was missing", "Inside the holes alone. Higher is better."),
    "psnr_hole_before": ("PSNR of mid-grey", "Inside the holes: what is to be beaten."),
    "psnr_chroma": ("PSNR of chroma", "Of a and b of CIE Lab. Higher is better."),
    "psnr_chroma_grey": ("PSNR of chroma, grey", "Of no colour at all: what is to be beaten."),
    "psnr_chroma_mean": ("PSNR of chroma, mean colour", "Of the training data's one colour."),
    "psnr_chroma_gain": ("Gain in PSNR of chroma", "Picture by picture. Higher is better."),
    "colourfulness": ("Colourfulness", "Of the output; the truth's is beside it."),
    "colourfulness_truth": ("Colourfulness of the truth", "What is to be met."),
    "colourfulness_grey": ("Colourfulness of grey", "None."),
    "colourfulness_mean": ("Colourfulness of the mean colour", "Of one colour everywhere."),
    "colourfulness_error": ("Error of colourfulness", "Against the truth's. Lower is better."),
    "mean_iou": ("Mean IoU", "Intersection over union, the mean over classes. Higher is better."),
    "pixel_accuracy": ("Pixels that are right", "The share. Higher is better."),
    "mean_class_accuracy": ("Pixels that are right, a class", "The mean over classes."),
    "pixel_error": ("Pixel error", "Share of pixels that are wrong. Lower is better."),
    "rand_error": ("Rand error", "Of pairs of pixels, in one object or in two. Lower is better."),
    "warping_error": ("Warping error", "Of splits, mergers and holes alone. Lower is better."),
}
"""Measure -> what it is called, and what it means."""

KEYS = ("psnr", "psnr_y", "psnr_hole", "psnr_chroma", "mean_iou")
"""Measures that are key numbers."""
