"""`immersion export RUN`: a model, or a part of it, as an ONNX file."""

from pathlib import Path
from typing import Any

from immersion.inference.onnx_file import ENDING, Part, make_onnx, open_model
from immersion.output_file import check_output, write_atomically


def export(
    network: str, *, part: Part = "auto", out: Path | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Export a model as an ONNX file, for batches of any size.

    Of an autoencoder, a VAE or a GAN: the decoder (the generator), from codes z to E[x|z] and the
    standard deviation of each value where p(x|z) has one; the encoder, from x to the mean and the
    standard deviation of the code; or a learned prior, from noise to codes. Values are in the
    units of the data, tables too. The metadata describe the data and the prior.

    Of an image-to-image network: its input is (B, C_in, H, W), its sides divisible by the
    metadata's `multiple`; its outputs are mean and standard deviation, (B, C_out, s H, s W), or
    the probability of each class, (B, K, H, W). The metadata describe the channels, the scale s
    and the reach of an output (halo).

    Args:
        network: The folder of a run; or a bundled image-to-image network (denoise: the colour
            version), or a file of published weights.
        part: auto (the decoder, or the image-to-image network), decoder, encoder, or prior if it
            is learned.
        out: The file to write; by default model.onnx (encoder.onnx, prior.onnx) in the run's
            folder, and otherwise the network's name with .onnx, in the current folder.
        overwrite: If True, an existing file is replaced.

    Returns:
        file: the file; bytes: its size; properties: its metadata.

    Raises:
        UserError: There is no such network or part, the file cannot be written or exists already,
            or a package that writes ONNX is not installed.
    """
    target = _default_target(network, part) if out is None else out
    check_output(target, (ENDING,), overwrite=overwrite, switch="--overwrite")
    content, properties = make_onnx(open_model(network), part)
    write_atomically(target, lambda partial: partial.write_bytes(content))
    return {"file": str(target), "bytes": len(content), "properties": properties}


def _default_target(network: str, part: Part) -> Path:
    path = Path(network)
    name = part if part in ("encoder", "prior") else "model"
    return path / f"{name}{ENDING}" if path.is_dir() else Path(path.stem + ENDING)
