"""Encoders: batches do not matter, identities are known without torch, and what is missing says how to get it."""

import dataclasses
import json
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench.errors import ConfigError, DataError, MissingError
from metrics.encoders import clip, resolve
from metrics.encoders.base import Encoder
from metrics.encoders.chunked import CHUNK
from metrics.encoders.clip import ARCHITECTURE, PIXELS, ClipViTB32
from metrics.encoders.inception import Inception
from metrics.encoders.random_convnet import RandomConvNet
from metrics.encoders.torchscript import TorchScript
from metrics.encoders.weights import file_sha256
from metrics.frechet import frechet_distance

MOBILENET = Path(__file__).parents[4] / "shared" / "weights" / "mobilenetv2_imagenet.torchscript.pt"


class Pooled(nn.Module):
    """A network of clean-fid's shape: the whole resizes inside, its `layers` take normalised 299 px images."""

    def __init__(self, width=8):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, width, 7, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(16), nn.Flatten())

    def forward(self, x):
        return self.layers(nn.functional.interpolate(x, (299, 299)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Randomly initialised networks under the published file names."""
    path = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.jit.script(Pooled()).save(str(path / "inception-2015-12-05.pt"))
    return path


@pytest.fixture(params=["tiny", pytest.param("full", marks=pytest.mark.slow)])
def clip_models(request, tmp_path, monkeypatch):
    """Two randomly initialised models in a file's reach: with QuickGELU, as published, and the plain one."""
    import open_clip

    if request.param == "full":
        return ARCHITECTURE, "ViT-B-32"
    published = open_clip.get_model_config(ARCHITECTURE)
    small = {"layers": 2, "width": 64}
    for name, quick in (("tiny-quickgelu", True), ("tiny", False)):
        vision = published["vision_cfg"] | small
        text = published["text_cfg"] | small | {"heads": 2}
        config = published | {"quick_gelu": quick, "vision_cfg": vision, "text_cfg": text}
        (tmp_path / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(tmp_path / f"{name}.json")
    monkeypatch.setattr(clip, "ARCHITECTURE", "tiny-quickgelu")
    return "tiny-quickgelu", "tiny"


def images(n=3, h=40, w=56, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, h, w, 3), dtype=np.uint8)


def make(name, folder):
    if name == "random-convnet":
        return RandomConvNet(None, "cpu")
    file = folder / "inception-2015-12-05.pt"
    return {"inception": Inception, "torchscript": TorchScript}[name](file, "cpu")


@pytest.mark.parametrize("name", ["random-convnet", "torchscript", "inception"])
def test_features_do_not_depend_on_the_batch(name, folder):
    encoder = make(name, folder)
    batch = images(19)
    whole = encoder.images(batch)
    parts = np.concatenate([encoder.images(batch[:1]), encoder.images(batch[1:18]), encoder.images(batch[18:])])
    assert whole.dtype == np.float32
    assert len(whole) == 19
    rounding = 1e-5 * max(1.0, np.abs(whole).max())
    assert np.abs(whole - parts).max() <= rounding
    assert np.abs(encoder.images(batch[::-1])[::-1] - whole).max() <= rounding
    assert whole.std(axis=0).max() > 0
    assert isinstance(encoder, Encoder)


@pytest.mark.parametrize("bad", [images().astype(np.float32), images()[0], images()[:0], images()[..., :2]])
def test_refuses_what_is_no_batch_of_images(bad):
    with pytest.raises(DataError, match="8-bit RGB"):
        RandomConvNet(None, "cpu").images(bad)


def test_captions_need_a_text_tower():
    with pytest.raises(ConfigError, match="text tower"):
        RandomConvNet(None, "cpu").texts(["a gland"])


@pytest.mark.parametrize("encoder", [Inception, ClipViTB32, TorchScript])
def test_missing_weights_say_how_to_get_them(encoder, tmp_path):
    for weights in (None, tmp_path / "absent.pt", tmp_path):
        (needed,) = encoder.weights(weights)
        assert not needed.found
        assert needed.reason
        for use in (encoder.identify, encoder.label, partial(encoder, device="cpu")):
            with pytest.raises(MissingError) as caught:
                use(weights)
            assert caught.value.fix
            if encoder is not TorchScript:
                text = str(caught.value)
                assert all(part in text for part in (needed.source, needed.size, "BENCH_WEIGHTS"))


def test_a_folder_or_the_file_will_do(folder):
    file = folder / "inception-2015-12-05.pt"
    (needed,) = Inception.weights(folder)
    assert needed.found
    assert needed.path == file
    assert needed.sha256 == (Inception.file.sha256,)
    assert "clean-fid" in needed.preprocessing
    assert Inception.identify(folder) == Inception.identify(file)


def test_other_weights_lose_the_published_name(folder, monkeypatch):
    digest = file_sha256(folder / "inception-2015-12-05.pt")
    assert Inception.label(folder) == f"inception-{digest[:8]}"
    monkeypatch.setattr(Inception, "file", dataclasses.replace(Inception.file, sha256=digest))
    assert Inception.label(folder) == "inception"


def test_identity_follows_the_file(tmp_path):
    first, second = tmp_path / "net.pt", tmp_path / "copy.v2.pt"
    first.write_bytes(b"one")
    second.write_bytes(b"one")
    assert TorchScript.identify(first) == TorchScript.identify(second)
    assert TorchScript.label(first).startswith("torchscript:net-")
    assert TorchScript.label(second).startswith("torchscript:copy.v2-")
    second.write_bytes(b"two")
    assert TorchScript.identify(first) != TorchScript.identify(second)
    with pytest.raises(DataError, match="TorchScript file"):
        TorchScript(first, "cpu")


def test_torchscript_must_return_one_vector_an_image(tmp_path):
    torch.jit.script(nn.Conv2d(3, 2, 3)).save(str(tmp_path / "maps.pt"))
    with pytest.raises(DataError, match=r"shape \(n, d\)"):
        TorchScript(tmp_path / "maps.pt", "cpu").images(images())


@pytest.mark.skipif(not MOBILENET.is_file(), reason="no published TorchScript encoder at hand")
def test_a_real_torchscript_encoder():
    encoder = TorchScript(MOBILENET, "cpu")
    features = encoder.images(images(2, 64, 64))
    assert features.shape == (2, 1280)
    assert encoder.name.startswith("torchscript:mobilenetv2_imagenet-")


def by_clean_fid(batch, folder, network, **options):
    """Features of images as clean-fid reads them from files, resizes and embeds them."""
    from cleanfid.fid import get_files_features

    files = [folder / f"{number}.png" for number in range(len(batch))]
    for image, file in zip(batch, files, strict=True):
        Image.fromarray(image).save(file)
    return get_files_features(files, network, 0, len(batch), "cpu", mode="clean", verbose=False, **options)


def test_inception_equals_clean_fid(folder, tmp_path):
    from cleanfid.inception_torchscript import InceptionV3W

    batch = images(CHUNK, 50, 70)
    theirs = by_clean_fid(batch, tmp_path, InceptionV3W(str(folder), download=False))
    assert np.array_equal(Inception(folder, "cpu").images(batch), theirs)
    copy = tmp_path / "under_another_name.pt"
    copy.write_bytes((folder / "inception-2015-12-05.pt").read_bytes())
    assert np.array_equal(Inception(copy, "cpu").images(batch), theirs)


def test_clip_equals_clean_fid(clip_models, tmp_path, monkeypatch):
    """clean-fid imports OpenAI's `clip`, which has no release: open_clip's model stands in for it."""
    import open_clip

    torch.manual_seed(0)
    network = open_clip.create_model(clip_models[0], pretrained=None).eval()
    torch.save(network.state_dict(), tmp_path / "ViT-B-32.pt")
    monkeypatch.setitem(sys.modules, "clip", SimpleNamespace(load=lambda name, device: (network, None)))
    clip_features = import_module("cleanfid.clip_features")
    monkeypatch.delitem(sys.modules, "cleanfid.clip_features")
    batch = images(CHUNK, 230, 310)
    resize = clip_features.img_preprocess_clip
    theirs = by_clean_fid(batch, tmp_path, clip_features.CLIP_fx(device="cpu"), custom_fn_resize=resize)
    assert np.abs(ClipViTB32(tmp_path, "cpu").images(batch) - theirs).max() <= 1e-6


@pytest.mark.parametrize("content", [b"no script", None])
def test_inception_refuses_other_files(content, tmp_path):
    file = tmp_path / "inception-2015-12-05.pt"
    if content:
        file.write_bytes(content)
    else:
        torch.jit.script(nn.Conv2d(3, 2, 3)).save(str(file))
    with pytest.raises(DataError, match="TorchScript file of Inception"):
        Inception(tmp_path, "cpu")


@pytest.mark.parametrize("shape", [(50, 70), (300, 257), (224, 224), (225, 224)])
def test_clip_preprocessing_equals_torchvision(shape):
    from torchvision import transforms

    mode = transforms.InterpolationMode.BICUBIC
    image = images(1, *shape)[0]
    theirs = transforms.Compose([transforms.Resize(224, mode), transforms.CenterCrop(224)])(Image.fromarray(image))
    assert np.array_equal(PIXELS.crop(image), np.asarray(theirs))


def test_clip_equals_open_clip(clip_models, tmp_path):
    import open_clip

    quick, plain = clip_models
    clip_file = tmp_path / "ViT-B-32.pt"
    torch.manual_seed(0)
    torch.save(open_clip.create_model(quick, pretrained=None).half().state_dict(), clip_file)
    encoder = ClipViTB32(tmp_path, "cpu")
    batch = images(2)
    reference, _, preprocess = open_clip.create_model_and_transforms(quick, pretrained=str(clip_file))
    reference.eval()
    with torch.inference_mode():
        theirs = reference.encode_image(torch.stack([preprocess(Image.fromarray(image)) for image in batch])).numpy()
        texts = reference.encode_text(open_clip.get_tokenizer(quick)(["a gland", "word " * 200])).numpy()
    ours = encoder.images(batch)
    assert ours.shape == (2, 512)
    assert np.abs(ours - theirs).max() <= 1e-5
    assert np.abs(encoder.texts(["a gland", "word " * 200]) - texts).max() <= 1e-5
    # The plain architecture loads the same file without complaint and gives other features.
    other = open_clip.create_model(plain, pretrained=str(clip_file)).eval()
    with torch.inference_mode():
        shifted = other.encode_image(torch.stack([preprocess(Image.fromarray(image)) for image in batch])).numpy()
    assert np.abs(shifted - theirs).max() > 1e-4
    archive = tmp_path / "archive.pt"
    torch.jit.script(WithIntegers(torch.load(clip_file, weights_only=True))).save(str(archive))
    assert np.array_equal(ClipViTB32(archive, "cpu").images(batch), ours)


class WithIntegers(nn.Module):
    """Weights as OpenAI's archive keeps them: flat names under one root, and three integers beside them."""

    def __init__(self, state):
        super().__init__()
        for name, value in state.items():
            home = self
            *parents, leaf = name.split(".")
            for parent in parents:
                if parent not in home._modules:
                    home.add_module(parent, nn.Module())
                home = home._modules[parent]
            home.register_buffer(leaf, value)
        self.register_buffer("input_resolution", torch.tensor(224))
        self.register_buffer("context_length", torch.tensor(77))
        self.register_buffer("vocab_size", torch.tensor(49408))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_clip_refuses_other_weights(tmp_path, clip_models):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "ViT-B-32.pt")
    with pytest.raises(DataError, match="CLIP ViT-B/32"):
        ClipViTB32(tmp_path, "cpu")


def test_random_features_tell_structure_from_its_scrambling():
    rng = np.random.default_rng(0)
    encoder = RandomConvNet(None, "cpu")
    rows, columns = np.indices((32, 32))

    def discs(n):
        made = np.full((n, 32, 32, 3), 220.0)
        for image in made:
            for y, x in rng.uniform(4, 28, (6, 2)):
                image[(rows - y) ** 2 + (columns - x) ** 2 < 9] = (90, 50, 130)
        return np.clip(made + rng.normal(0, 4, made.shape), 0, 255).astype(np.uint8)

    real, held_out, pixels = discs(48), discs(48), discs(48)
    scrambled = np.stack([rng.permutation(image.reshape(-1, 3)).reshape(32, 32, 3) for image in pixels])
    noise = rng.integers(0, 256, real.shape, dtype=np.uint8)
    reference = encoder.images(real)
    distance = [frechet_distance(reference, encoder.images(made)).value for made in (real, held_out, scrambled, noise)]
    assert distance[0] == pytest.approx(0, abs=1e-6)
    # Scrambling keeps every colour and its share; only structure tells it.
    assert 5 * distance[1] < distance[2] < distance[3]


def test_random_filters_are_the_same_everywhere():
    assert RandomConvNet.identify(None) == RandomConvNet(None, "cpu").identity
    with pytest.raises(DataError, match="16 px"):
        RandomConvNet(None, "cpu").images(images(1, 8, 40))


def test_specs():
    assert resolve("random-convnet") == ("random-convnet", None)
    assert resolve("torchscript:/a/b:c.pt") == ("torchscript", "/a/b:c.pt")


def test_nothing_is_known_through_torch():
    names = ("random_convnet", "torchscript", "inception", "clip", "shipped", "timm_networks")
    modules = ", ".join(f"metrics.encoders.{name}" for name in names)
    code = f"import sys, {modules}; metrics.encoders.random_convnet.RandomConvNet.identify(None)"
    code += "; metrics.encoders.shipped.UNI.recipe().describe(); metrics.encoders.shipped.UNI.weights(None)"
    code += "; metrics.encoders.timm_networks.TimmEncoder.with_argument('resnet50').weights(None)"
    code += "; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
