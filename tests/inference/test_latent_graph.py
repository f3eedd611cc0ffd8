"""One contract for every model with codes: its ONNX files agree with PyTorch in any batch."""

import json

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.data import to_original_units
from immersion.inference.latent_graph import build_latent_graph
from immersion.inference.onnx_graph import write_onnx
from immersion.inference.prior_description import describe_prior
from immersion.likelihoods import LIKELIHOODS
from immersion.models import GAN
from immersion.models.inverse import build_encoder
from immersion.nn import Architecture
from immersion.posteriors import POSTERIORS, has_mean, has_variance
from immersion.priors import PRIORS
from immersion.random import use_seed
from immersion.recipes import RECIPES
from immersion.recipes.call import RecipeCall
from immersion.recipes.gan import DiscriminatorSettings
from immersion.recipes.image_to_image import get_patches
from immersion.spec import Spec

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install '.[onnx]'")
pytest.importorskip("onnxscript", reason="pip install '.[onnx]'")

YEARS = Spec(
    "table", (4,), "real", ("a", "b"), shift=(1960.0, -3.0, 0.0, 1e5), scale=(30.0, 0.1, 1.0, 2e4)
)
SPECS = {"images": Spec("images", (1, 8, 8), "unit"), "table": YEARS}
BATCHES = (1, 3, 64)


def build(recipe: str, spec: Spec, **arguments):
    """Return a small model in evaluation mode, all of whose weights differ from zero."""
    call = RecipeCall(recipe)
    small = {"latent_dim": 2, "architecture": Architecture(width=8)}
    usual = {name: value for name, value in small.items() if name in call.parameters}
    model = RecipeCall(recipe, usual | arguments).build(spec).model.eval()
    with use_seed(0, "weights"), torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def run_graph(model, spec, part):
    """Return a function from a batch's size to the inputs and the outputs of an ONNX file."""
    graph = build_latent_graph(model, spec, part)
    session = onnxruntime.InferenceSession(write_onnx(graph, {}))
    assert {each.name: each.type for each in session.get_inputs()} == dict.fromkeys(
        graph.inputs, "tensor(float)"
    )
    assert [each.name for each in session.get_outputs()] == list(graph.outputs)

    def run(count, **inputs):
        found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        assert all(each.dtype == np.float32 and len(each) == count for each in found)
        return [torch.from_numpy(each) for each in found]

    return run


def assert_near(found, expected):
    """Compare to 1e-5 of the range of the expected values."""
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        span = max(1.0, (other.max() - other.min()).item())
        assert (one.double() - other.double()).abs().max() <= 1e-5 * span


@torch.no_grad()
def check_decoder(model, spec):
    run = run_graph(model, spec, "decoder")
    for count in BATCHES:
        z = model.prior().sample((count,)) if model.prior else torch.randn(count, model.latent_dim)
        p = model.decode(z)
        expected = [to_original_units(p.mean, spec)]
        if has_variance(p):
            expected.append(p.stddev * torch.tensor(spec.scale or 1.0))
        assert expected[0].std() > 0
        assert_near(run(count, z=z), expected)


@torch.no_grad()
def check_encoder(model, spec):
    run = run_graph(model, spec, "encoder")
    for count in BATCHES:
        standardised = torch.rand(count, *spec.shape)
        x, q = to_original_units(standardised, spec), model.encode(standardised)
        if has_mean(q):
            expected = [q.mean, *([q.stddev] if has_variance(q) else [])]
            assert_near(run(count, x=x), expected)
        else:
            with use_seed(0, "noise"):
                noise = torch.randn(count, model.latent_dim)
            with use_seed(0, "noise"):
                expected = [q.rsample()]
            assert_near(run(count, x=x, noise=noise), expected)


def list_cases():
    for recipe in RECIPES:
        if get_patches(RECIPES[recipe]):
            continue
        for name, spec in SPECS.items():
            yield pytest.param(recipe, spec, id=f"{recipe}-{name}")


@pytest.mark.parametrize(("recipe", "spec"), list(list_cases()))
def test_every_recipe(recipe, spec):
    try:
        model = build(recipe, spec)
    except UserError:
        pytest.skip("the recipe is not for these data")
    check_decoder(model, spec)
    if isinstance(model, GAN):
        with pytest.raises(UserError, match=r"no encoder.*immersion invert RUN"):
            build_latent_graph(model, spec, "encoder")
        model.encoder = build_encoder(model, spec.shape, Architecture(width=8)).eval()
    check_encoder(model, spec)


@pytest.mark.parametrize("likelihood", list(LIKELIHOODS))
def test_every_likelihood(likelihood):
    values = sorted(LIKELIHOODS[likelihood].values)[-1]
    spec = Spec("images", (1, 4, 4), values)
    dense = Architecture("dense", 8, 1)
    model = build("vae", spec, likelihood=likelihood, binarize="none", architecture=dense)
    check_decoder(model, spec)


@pytest.mark.parametrize("posterior", list(POSTERIORS))
def test_every_posterior(posterior):
    if posterior == "flow":
        pytest.importorskip("zuko")
    check_encoder(build("vae", YEARS, posterior=posterior), YEARS)


@pytest.mark.parametrize("prior", list(PRIORS))
def test_every_prior(prior):
    if prior == "flow":
        pytest.importorskip("zuko")
    model = build("vae", YEARS, prior=prior)
    check_decoder(model, YEARS)
    described = json.loads(json.dumps(describe_prior(model.prior)))
    assert described["dimension"] == 2 and described["classes"] == 0 and described["meaning"]
    if described["distribution"] != "flow":
        with pytest.raises(UserError, match=r"no graph from noise to codes.*--part decoder"):
            build_latent_graph(model, YEARS, "prior")
        return
    run = run_graph(model, YEARS, "prior")
    for count in BATCHES:
        with use_seed(0, "noise"):
            noise = torch.randn(count, 2)
        with use_seed(0, "noise"), torch.no_grad():
            expected = model.prior().rsample((count,))
        assert_near(run(count, noise=noise), [expected])


def test_a_class_is_a_part_of_the_code():
    spec = Spec("images", (1, 8, 8), "unit", ("a", "b", "c"))
    model = build("gan", spec, settings=DiscriminatorSettings(conditional=True))
    model.prior.observe(torch.tensor([0, 1, 1, 2]))
    check_decoder(model, spec)
    described = describe_prior(model.prior)
    assert described["classes"] == 3 and described["dimension"] == 2
    assert described["parameters"] == {"shares": [0.25, 0.5, 0.25]}
    meaning = build_latent_graph(model, spec, "decoder").inputs["z"].meaning
    assert meaning.startswith("(B, 5) float32") and "one-hot" in meaning


def test_the_model_stays_as_it_was():
    model = build("vae", SPECS["images"]).train().double()
    build_latent_graph(model, SPECS["images"], "decoder")
    assert model.training and next(model.parameters()).dtype == torch.float64


def test_an_autoencoder_has_no_prior():
    with pytest.raises(UserError, match="an autoencoder has no prior"):
        build_latent_graph(build("ae", YEARS), YEARS, "prior")
    assert describe_prior(None)["distribution"] == "none"
