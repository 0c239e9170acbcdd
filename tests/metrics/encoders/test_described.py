"""Every family of described encoders gives the features of its own library, whatever the batch."""

import socket

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from bench.errors import ConfigError, DataError, MissingError
from bench.plan.encoders import encoder_handle
from metrics.encoders.base import Encoder
from metrics.encoders.card import EncoderCard, shipped_card, shipped_names
from metrics.encoders.chunked import CHUNK
from metrics.encoders.described import DescribedEncoder
from metrics.encoders.networks import CoCaImageTower, timm_network
from metrics.encoders.weights import WeightsFile
from tests.metrics.encoders import models
from tests.metrics.encoders.models import images

TIMM = {
    "timm:test_vit": "test_vit.safetensors",
    "timm:test_resnet": "test_resnet.pth",
    "timm:test_vit.r160_in1k": "timm/test_vit.r160_in1k/model.safetensors",
    "timm:test_convnext@mine.bin": "mine.bin",
}
CAPTIONS = ["a gland", "", "tumour cells with large nuclei and little stroma between them", *["x y"] * 18]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of weights that holds a small network of every family."""
    path = tmp_path_factory.mktemp("weights")
    for spec, file in TIMM.items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        models.save_timm(path, spec.partition(":")[2].partition("@")[0], file)
    for name in ("small/clip", "models--small--dinov2/snapshots/0a1b"):
        (path / name).mkdir(parents=True)
    models.save_clip(path / "small/clip")
    models.save_dinov2(path / "models--small--dinov2/snapshots/0a1b")
    models.save_state(models.shaken(models.CoCa()).state_dict(), path / "coca.bin")
    models.save_timm(
        path, "vit_tiny_patch16_224", "registers.pth", img_size=32, depth=2, reg_tokens=4, num_classes=0, global_pool=""
    )
    return path


def small(name, **changes):
    """Return a ready card's encoder with a small network in its place: the rest of the card stays in force."""
    card = EncoderCard.model_validate(shipped_card(name).model_dump() | changes)
    answers = {"file": classmethod(lambda cls: card.weights_file()), "recipe": classmethod(lambda cls: card)}
    return type("Small", (DescribedEncoder,), answers)


def encoder(name, folder):
    """Make the encoder of a family."""
    if name.startswith("timm:"):
        return encoder_handle(name, folder).load("cpu")
    tiny = {"library": "timm", "name": "vit_tiny_patch16_224"}
    sizes = {"plip": models.CLIP_SIZE, "phikon-v2": models.DINO_SIZE, "conch": models.COCA_SIZE, "virchow2": 32}
    changes = {
        "plip": {"hub": "small/clip", "dimension": 16},
        "phikon-v2": {"hub": "small/dinov2", "dimension": 24},
        "conch": {
            "files": ("coca.bin",),
            "dimension": 16,
            "network": {
                "library": "coca",
                "trunk": tiny | {"options": {"img_size": 32, "depth": 2}},
                "heads": 4,
                "prefix": "visual.",
            },
        },
        "virchow2": {
            "files": ("registers.pth",),
            "dimension": 384,
            "network": tiny | {"options": {"img_size": 32, "depth": 2, "reg_tokens": 4, "global_pool": ""}},
        },
    }[name]
    pixels = shipped_card(name).preprocessing.model_dump() | {"size": sizes[name]}
    return small(name, preprocessing=pixels, **changes)(folder, "cpu")


@pytest.mark.parametrize("name", ["timm:test_vit", "timm:test_resnet", "plip", "phikon-v2", "conch", "virchow2"])
def test_features_do_not_depend_on_the_batch(name, folder):
    made = encoder(name, folder)
    batch = images(CHUNK + 3, 40, 52)
    whole = made.images(batch)
    parts = np.concatenate([made.images(batch[:1]), made.images(batch[1:])])
    assert whole.dtype == np.float32
    assert len(whole) == len(batch)
    assert np.abs(whole - parts).max() <= 1e-5
    assert np.abs(made.images(batch[::-1])[::-1] - whole).max() <= 1e-5
    assert whole.std(axis=0).max() > 1e-3
    assert isinstance(made, Encoder)


@pytest.mark.parametrize("spec", TIMM)
@pytest.mark.parametrize("shape", [(60, 75), (201, 180)])
def test_timm_equals_timm(spec, shape, folder):
    import timm
    from timm.data import create_transform, resolve_data_config

    name = spec.partition(":")[2].partition("@")[0]
    network = timm.create_model(name, pretrained=False, num_classes=0)
    saved = models.load_state(folder / TIMM[spec])
    network.load_state_dict({key: saved[key] for key in network.state_dict()})
    prepare = create_transform(**resolve_data_config(network.pretrained_cfg, model=network))
    batch = images(2, *shape)
    with torch.inference_mode():
        theirs = network.eval()(torch.stack([prepare(Image.fromarray(image)) for image in batch])).numpy()
    ours = encoder(spec, folder).images(batch)
    assert np.abs(ours - theirs).max() <= 1e-4
    assert np.abs(theirs).max() > 0.01


def test_plip_equals_transformers(folder):
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    home = folder / "small/clip"
    model = CLIPModel.from_pretrained(home, local_files_only=True).eval()
    side = models.CLIP_SIZE
    processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    batch = images(2, 60, 81)
    pixels = torch.from_numpy(np.stack(processor(list(batch))["pixel_values"]))
    tokenizer = CLIPTokenizer.from_pretrained(home)
    tokens = tokenizer(CAPTIONS, padding=True, truncation=True, max_length=models.LENGTH, return_tensors="pt")
    with torch.inference_mode():
        theirs = model(pixel_values=pixels, **tokens)
    made = encoder("plip", folder)
    ours, texts = made.images(batch), made.texts(CAPTIONS)
    assert np.abs(ours - theirs.image_embeds.numpy()).max() <= 1e-4
    assert np.abs(texts - theirs.text_embeds.numpy()).max() <= 1e-4
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-5)
    # Captions longer than the tower reads differ in what is read alone.
    assert np.array_equal(made.texts(["abcdefghijklmnop"]), made.texts(["abcdefghijklxyz"]))
    assert not np.allclose(texts[0], texts[2], atol=1e-3)
    assert made.texts([]).shape == (0, 16)
    assert np.abs(made.texts(CAPTIONS[2:3]) - texts[2]).max() <= 1e-5


def test_captions_need_the_published_tokenizer(folder, tmp_path):
    models.save_clip(tmp_path)
    (tmp_path / "merges.txt").unlink()
    pixels = shipped_card("plip").preprocessing.model_dump() | {"size": models.CLIP_SIZE}
    made = small("plip", dimension=16, preprocessing=pixels)(tmp_path / "pytorch_model.bin", "cpu")
    assert made.images(images(1)).shape == (1, 16)
    with pytest.raises(MissingError, match="tokenizer"):
        made.texts(["a gland"])
    with pytest.raises(ConfigError, match="text tower"):
        encoder("conch", folder).texts(["a gland"])


def test_phikon_equals_transformers(folder):
    from transformers import BitImageProcessorPil, Dinov2Model

    model = Dinov2Model.from_pretrained(folder / "models--small--dinov2/snapshots/0a1b", local_files_only=True).eval()
    side, pixels = models.DINO_SIZE, shipped_card("phikon-v2").preprocessing
    processor = BitImageProcessorPil(
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        image_mean=list(pixels.mean),
        image_std=list(pixels.std),
    )
    batch = images(2, 60, 75)
    with torch.inference_mode():
        inputs = torch.from_numpy(np.stack(processor(list(batch))["pixel_values"]))
        theirs = model(inputs).last_hidden_state[:, 0].numpy()
    assert np.abs(encoder("phikon-v2", folder).images(batch) - theirs).max() <= 1e-4


def test_conch_equals_its_formula(folder):
    from torchvision import transforms

    model = models.CoCa().eval()
    model.load_state_dict(models.load_state(folder / "coca.bin"))
    side, pixels = models.COCA_SIZE, shipped_card("conch").preprocessing
    prepare = transforms.Compose(
        [
            transforms.Resize(side, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(side),
            transforms.ToTensor(),
            transforms.Normalize(pixels.mean, pixels.std),
        ]
    )
    batch = images(2, 50, 74)
    with torch.inference_mode():
        theirs = model.encode_image(torch.stack([prepare(Image.fromarray(image)) for image in batch])).numpy()
    assert np.abs(encoder("conch", folder).images(batch) - theirs).max() <= 1e-4


def test_virchow2_joins_class_token_and_mean_of_patches(folder):
    import timm

    options = {"img_size": 32, "depth": 2, "reg_tokens": 4, "num_classes": 0, "global_pool": ""}
    model = timm.create_model("vit_tiny_patch16_224", **options).eval()
    model.load_state_dict(models.load_state(folder / "registers.pth"))
    made = encoder("virchow2", folder)
    batch = images(2, 32, 32)
    with torch.inference_mode():
        tokens = model(made._prepare(batch))
    theirs = torch.cat([tokens[:, 0], tokens[:, 5:].mean(1)], dim=-1).numpy()
    assert tokens.shape == (2, 1 + 4 + 4, 192)
    assert np.abs(made.images(batch) - theirs).max() <= 1e-5


def test_metas_file_of_dinov2_loads_as_timm_loads_it(tmp_path):
    import timm

    options = {"depth": 1, "embed_dim": 24, "num_heads": 2}
    state = models.shaken(timm.create_model("vit_large_patch14_dinov2", img_size=70, **options)).state_dict()
    state = {**state, "mask_token": torch.zeros(1, 24)}
    models.save_state(state, tmp_path / "dinov2_vitl14_pretrain.pth")
    network = {"library": "timm", "name": "vit_large_patch14_dinov2", "options": options | {"img_size": 28}}
    pixels = shipped_card("dinov2-vit-l-14").preprocessing.model_dump() | {"size": 28}
    made = small("dinov2-vit-l-14", network=network, preprocessing=pixels, dimension=24)(tmp_path, "cpu")
    theirs = timm.create_model(
        "vit_large_patch14_dinov2",
        pretrained=True,
        pretrained_cfg_overlay={"state_dict": dict(state)},
        img_size=28,
        num_classes=0,
        **options,
    ).eval()
    batch = images(2, 28, 28)
    with torch.inference_mode():
        expected = theirs.forward_features(made._prepare(batch))[:, 0].numpy()
    assert np.abs(made.images(batch) - expected).max() <= 1e-5


def test_ready_networks_have_their_published_width():
    checked = []
    for name in shipped_names():
        card = shipped_card(name)
        network = card.network
        if network.library == "transformers":
            continue
        with torch.device("meta"):
            if network.library == "timm":
                width = timm_network(network).num_features * (2 if card.pooling == "cls+mean" else 1)
            else:
                tower = CoCaImageTower(timm_network(network.trunk), card.dimension, network.heads)
                width = tower.ln_contrast.weight.numel()
                assert tower.trunk.pos_embed.shape[1] == 1 + (448 // 16) ** 2
        assert width == card.dimension
        checked.append(name)
    assert set(checked) == {"uni", "uni2-h", "virchow2", "conch", "h-optimus-0", "dinov2-vit-l-14"}


# Published: millions of parameters, class and register tokens, patches of a 224 px image.
PUBLISHED = {
    "uni": (303, 1, 14**2),
    "uni2-h": (681, 1 + 8, 16**2),
    "virchow2": (631, 1 + 4, 16**2),
    "h-optimus-0": (1135, 1 + 4, 16**2),
    "dinov2-vit-l-14": (303, 1, 16**2),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_ready_networks_have_their_published_size(name):
    with torch.device("meta"):
        network = timm_network(shipped_card(name).network)
    millions = round(sum(parameter.numel() for parameter in network.parameters()) / 1e6)
    assert (millions, network.num_prefix_tokens, network.patch_embed.num_patches) == PUBLISHED[name]


@pytest.mark.parametrize("name", shipped_names())
def test_missing_weights_say_how_to_get_them(name, tmp_path):
    handle = encoder_handle(name, tmp_path)
    card = shipped_card(name)
    (needed,) = handle.plugin.weights(tmp_path)
    assert not needed.found
    assert needed.licence == card.licence
    assert needed.preprocessing == card.preprocessing.describe()
    assert [missing.fix for missing in handle.missing()]
    with pytest.raises(MissingError) as caught:
        handle.load("cpu")
    text = str(caught.value)
    assert all(part in text for part in (card.files[0], card.hub, card.size, "BENCH_WEIGHTS", card.licence))
    assert ("request access" in text) == card.gated


def test_names_say_what_is_not_verified(folder, tmp_path):
    made = encoder("plip", folder)
    digest = made.identity[:8]
    assert made.name == f"plip-unverified-{digest}"
    file = shipped_card("plip").weights_file()
    path = folder / "small/clip/pytorch_model.bin"
    known = WeightsFile(**{**vars(file), "sha256": made.identity[:64]})
    assert known.label(path) == "plip"
    assert WeightsFile(**{**vars(file), "sha256": digest}).label(path) == "plip"
    other = {**vars(file), "sha256": "0" * 64}
    assert WeightsFile(**other).label(path) == f"plip-unverified-{digest}"  # no hash of its other form is known
    assert WeightsFile(**{**other, "other_sha256": ("1" * 64,)}).label(path) == f"plip-{digest}"
    assert encoder("timm:test_vit", folder).name.startswith("timm:test_vit-")
    assert "unverified" not in encoder("timm:test_vit", folder).name


def test_identity_holds_weights_recipe_and_config(folder, tmp_path):
    made = encoder("timm:test_vit", folder)
    assert "PIL bicubic to 168 on the shorter side, centre 160" in made.identity
    assert made.identity == encoder_handle("timm:test_vit", folder).identity
    models.save_dinov2(tmp_path)
    plan = small("phikon-v2", hub="small/dinov2")
    before = plan.identify(tmp_path / "model.safetensors")
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"gelu"', '"relu"'))
    assert plan.identify(tmp_path / "model.safetensors") != before
    config.unlink()
    with pytest.raises(MissingError, match=r"no config\.json next to"):
        plan.identify(tmp_path / "model.safetensors")


def test_other_weights_are_refused(folder, tmp_path):
    with pytest.raises(DataError, match="lacks"):
        encoder_handle(f"timm:test_vit@{folder / 'test_resnet.pth'}", None).load("cpu")
    with pytest.raises(DataError, match="model_type 'clip'"):
        small("plip", hub="small/dinov2")(folder, "cpu")
    models.save_state({"text.weight": torch.ones(2)}, tmp_path / "coca.bin")
    with pytest.raises(DataError, match="CoCa image tower"):
        encoder("conch", tmp_path)
    state = models.load_state(folder / "registers.pth")
    state["pos_embed"] = state["pos_embed"][:, :8]
    models.save_state(state, tmp_path / "registers.pth")
    with pytest.raises(DataError, match="position embeddings"):
        encoder("virchow2", tmp_path)
    pixels = shipped_card("plip").preprocessing.model_dump() | {"size": models.CLIP_SIZE}
    made = small("plip", hub="small/clip", preprocessing=pixels)(folder, "cpu")
    with pytest.raises(DataError, match="does not give 512 features per image; got: \\(16, 16\\)"):
        made.images(images(1, 32, 32))


def test_own_card(folder, tmp_path):
    card = shipped_card("conch").model_dump(mode="json") | {
        "name": "plip",
        "hub": None,
        "files": ["vit.safetensors"],
        "network": {"library": "timm", "name": "test_vit"},
        "preprocessing": shipped_card("uni").preprocessing.model_dump(mode="json") | {"size": 160},
        "pooling": "cls",
        "dimension": 64,
    }
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(card))
    handle = encoder_handle(f"card:{path}", None)
    with pytest.raises(MissingError, match=r"vit\.safetensors"):
        handle.load("cpu")
    models.save_timm(tmp_path, "test_vit", "vit.safetensors")
    made = handle.load("cpu")
    assert made.images(images(1)).shape == (1, 64)
    # A name of one's own never is a published one, whatever the card says.
    assert handle.metric_name == made.name == f"card:plip-{made.identity[:8]}"


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ("timm", "architecture"),
        ("timm:", "architecture"),
        ("timm:hf-hub:someone/model", "architecture"),
        ("timm:local-dir:/tmp", "architecture"),
        ("card", "card"),
        ("card:/nowhere.yaml", "card"),
    ],
)
def test_wrong_specs(spec, match, tmp_path):
    with pytest.raises(ConfigError, match=match):
        encoder_handle(spec, tmp_path).load("cpu")


def test_unknown_architectures_name_near_ones(folder, tmp_path):
    (tmp_path / "vit_smal_patch16_224.pth").write_bytes(b"")
    with pytest.raises(ConfigError) as caught:
        encoder_handle("timm:vit_smal_patch16_224", tmp_path).load("cpu")
    assert "vit_small_patch16_224" in caught.value.fix
    with pytest.raises(ConfigError, match="tag"):
        encoder_handle("timm:test_vit.nobody@test_vit.safetensors", folder).load("cpu")
    wrong = {"library": "timm", "name": "test_vit", "options": {"no_such_option": 1}}
    with pytest.raises(ConfigError, match="options"):
        small("uni", network=wrong, files=("test_vit.safetensors",))(folder, "cpu")


def test_making_an_encoder_leaves_random_numbers_alone(folder):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    encoder("phikon-v2", folder)
    encoder("timm:test_vit", folder)
    assert torch.equal(torch.rand(3), expected)
