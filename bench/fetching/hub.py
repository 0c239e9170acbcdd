"""Files of the Hugging Face hub: their addresses, hashes and permissions; its cache and token are used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.extras import check_installed
from bench.fetching.file import Address
from bench.fetching.transfer import FetchError
from bench.weight_cards import WeightCard

_SHA256_DIGITS = 64


class Cached(NamedTuple):
    """A repository in the hub's cache, or copied into the folder of weights; `files` is their number."""

    folder: Path
    files: int


def endpoint() -> str:
    """Return the address of the hub, or of the server that HF_ENDPOINT names instead."""
    check_installed("huggingface_hub")
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def address(card: WeightCard, name: str) -> Address:
    """Return where the hub has a file of a repository, with the user's token if there is one.

    Raises:
        FetchError: the hub cannot be asked, refuses, or does not have the file.
        MissingError: huggingface_hub is not installed.
    """
    check_installed("huggingface_hub")
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url

    url, token = hf_hub_url(card.hub, name, revision=card.revision), get_token()
    with _answers(card):
        etag = get_hf_file_metadata(url, token=token).etag or ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Address(url, headers, etag if len(etag) == _SHA256_DIGITS else "")


def in_cache(card: WeightCard, name: str) -> Path | None:
    """Return a file of a repository that the hub's own cache has already."""
    check_installed("huggingface_hub")
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(card.hub, name, revision=card.revision)
    return Path(found) if isinstance(found, str) else None


def cached(card: WeightCard) -> Path | None:
    """Return the folder of a repository in the hub's own cache; None if it is not there. The hub is not asked."""
    check_installed("huggingface_hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(card.hub, revision=card.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def snapshot(card: WeightCard, folder: Path) -> Cached:
    """Fetch a whole repository, or what matches the card's patterns, into the hub's cache or the folder of weights.

    Raises:
        FetchError: the hub cannot be asked, refuses, or does not have the repository.
        MissingError: huggingface_hub is not installed.
    """
    check_installed("huggingface_hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    silent = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        with _answers(card):
            place = Path(
                snapshot_download(
                    card.hub,
                    revision=card.revision,
                    allow_patterns=list(card.patterns) or None,
                    local_dir=None if card.cached else folder / card.hub,
                )
            )
    finally:
        if not silent:
            enable_progress_bars()
    return Cached(place, sum(path.is_file() for path in place.rglob("*") if ".cache" not in path.parts))


@contextmanager
def _answers(card: WeightCard) -> Iterator[None]:
    """Turn the answers of the hub that are errors into reasons."""
    from huggingface_hub import errors

    where = f"{endpoint()}/{card.hub}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise FetchError(f"{where} is gated: your account has no access to it yet", refused=True) from error
    except errors.RepositoryNotFoundError as error:
        raise FetchError(f"{where} does not exist, or is not for users without a login", refused=True) from error
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise FetchError(f"no connection to {endpoint()}") from error
        raise FetchError(f"{where} does not have the file") from error
    except errors.RevisionNotFoundError as error:
        raise FetchError(f"{where} does not have the commit {card.revision}") from error
    except errors.OfflineModeIsEnabled as error:
        raise FetchError("HF_HUB_OFFLINE forbids to ask the hub") from error
    except errors.HfHubHTTPError as error:
        code = error.response.status_code
        said = f"{where} answers {code}"
        raise FetchError(said, refused=code in (401, 403)) from error
    except OSError:  # of the disk
        raise
    except Exception as error:  # of its HTTP library, which differs between versions of huggingface_hub
        raise FetchError(f"no connection to {endpoint()}: {type(error).__name__}") from error
