"""The section of docs/datasets.md that says how images are read; `bench.imageio` keeps to it."""

_INTRODUCTION = """## How images are read

Every command reads image files by these rules, whatever their names end in. The result is upright
RGB of 8 bits. What would have to be guessed is refused in words. `bench data verify` and
`bench import` say which rule served how many files; labels have rules of their own.
"""

_RULES = (
    (
        "RGB, 8 bits",
        "as it is; colour profiles of RGB and grey images are not applied, as in all tools of the field",
    ),
    (
        "grey, 8 bits or fewer; black and white",
        "three equal channels; 1, 2 and 4 bits are spread over 0 to 255; TIFF's WhiteIsZero is inverted",
    ),
    (
        "palette",
        "its colours",
    ),
    (
        "alpha (RGBA, grey and alpha, palette or colour marked as transparent)",
        "alpha of one value everywhere (opaque, or never filled) is dropped; where only parts are transparent, "
        "their colour is mixed with white, the empty glass of a slide (readers of slides leave transparent what "
        "was not scanned); an image of one transparent colour is refused",
    ),
    (
        "CMYK",
        "by its colour profile (relative colorimetric) if it has one, otherwise inverted; refused if the "
        "profile is damaged",
    ),
    (
        "YCbCr",
        "converted",
    ),
    (
        "RGB, 16 bits (PNG, TIFF)",
        "the upper 8 bits; the bits that OME states (`SignificantBits`) instead of 16; refused if no value is"
        " above 16,383, because 10, 12 or 14 bits of a camera would be nearly black",
    ),
    (
        "RGB, 16 bits (PNM)",
        "scaled by the maximum that the file states",
    ),
    (
        "one channel of 16 or 32 bits",
        "refused: label maps look like this",
    ),
    (
        "floating point, signed or 32-bit values; Lab; CMYK of 16 bits",
        "refused: their range is unknown",
    ),
    (
        "TIFF: planes of one page (`PlanarConfiguration` 2)",
        "interleaved",
    ),
    (
        "TIFF: three samples that are declared as grey",
        "red, green, blue",
    ),
    (
        "TIFF: a fourth sample that is not declared as alpha",
        "dropped",
    ),
    (
        "TIFF: two samples without alpha, five or more samples",
        "refused",
    ),
    (
        "TIFF: three grey pages",
        "red, green, blue if OME, ImageJ or tifffile say that they are channels and their names, if they have"
        " any, begin with r, g and b; otherwise refused, as are slices, frames and other numbers of pages",
    ),
    (
        "TIFF: further pages",
        "the first page is the image if the others are smaller, marked as reduced or as masks, of other "
        "samples, or those of a slide format; pages of the same size or larger are refused",
    ),
    (
        "animated PNG, GIF, WebP",
        "refused; the further images in a camera's MPO are ignored",
    ),
    (
        "orientation in EXIF, XMP or TIFF",
        "applied; next to labels it is refused, unless the labels have the size of the turned image and not "
        "that of the stored one, because labels may be drawn on the image before it is turned (outlines have "
        "no size)",
    ),
    (
        "larger than Pillow's limit for decompression bombs (89 million pixels)",
        "refused",
    ),
    (
        "truncated or damaged files, no pixels",
        "refused",
    ),
)
"""What is stored, and what it is read as."""

_RECORD = """Prepared data (`info.json`) and synthetic sets (`manifest.json`) record under `encoding` how about
200 of the files and 16 of the images were encoded: formats, JPEG quality by the tables of files,
traces of JPEG in pixels, and µm per pixel where OME, Aperio, ImageJ or resolution tags state it
(above 20 µm they are those of prints and screens, and ignored). `bench data verify` shows the same,
and warns if a file states a size that differs from the card's by more than 1.5 times.

Traces of JPEG are found by the steps of which the coefficients of 8 x 8 blocks are multiples, also
in PNG and TIFF files and in crops. Resampled images have none, and small or smooth images may have
too few coefficients. "No traces found" therefore does not mean that an image was never compressed.
What encoding costs a distance is shown by the control `recompressed-real`
([reading a board](reading_a_board.md#the-controls)).
"""


def image_rules() -> str:
    """Return the section as Markdown."""
    rows = [f"| {stored} | {read} |" for stored, read in _RULES]
    return "\n".join([_INTRODUCTION, "| stored | read as |", "|---|---|", *rows, "", _RECORD])
