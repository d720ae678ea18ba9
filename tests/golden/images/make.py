"""Writes small JPEG files of all kinds, and as PNG what OpenCV and Pillow decode them to.

Needs opencv-python, pillow and numpy. Both decode by libjpeg-turbo; where they agree there is one PNG, `NAME.png`, else
`NAME.opencv.png` and `NAME.pillow.png`.
"""

import pathlib

import cv2
import numpy as np
from PIL import Image, ImageDraw

here = pathlib.Path(__file__).parent
HEIGHT, WIDTH = 19, 27


def scene():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [127 + 90 * np.sin(x / (2 + c) + y / (5 - c) + c) for c in range(3)]
    image = Image.fromarray(np.clip(np.stack(waves, -1), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.rectangle((4, 3, 11, 9), fill=(220, 10, 30))
    draw.line((0, 18, 26, 2), fill=(10, 240, 60))
    return image


def write(name, image, **options):
    path = here / f"{name}.jpg"
    image.save(path, **options)
    opencv = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if image.mode == "CMYK":
        opencv = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    opencv = opencv if opencv.ndim == 2 else opencv[:, :, ::-1]
    pillow = Image.open(path)
    pillow = np.array(pillow.convert("RGB") if pillow.mode == "CMYK" else pillow)
    if np.array_equal(opencv, pillow):
        Image.fromarray(opencv).save(here / f"{name}.png", optimize=True)
    else:
        Image.fromarray(opencv).save(here / f"{name}.opencv.png", optimize=True)
        Image.fromarray(pillow).save(here / f"{name}.pillow.png", optimize=True)


image = scene()
for sampling, name in enumerate(["444", "422", "420"]):
    write(name, image, quality=85, subsampling=sampling)
write("420_progressive", image, quality=60, progressive=True, subsampling=2)
write("420_restart", image, quality=85, subsampling=2, restart_marker_blocks=2)
write("grey", image.convert("L"), quality=85)
write("rgb", image, quality=85, keep_rgb=True)
write("cmyk", image.convert("CMYK"), quality=85)
turned = Image.Exif()
turned[0x112] = 6
write("turned", image, quality=85, exif=turned)
whole = (here / "420.jpg").read_bytes()
(here / "420_cut.jpg").write_bytes(whole[: len(whole) - 120])
cut = cv2.imread(str(here / "420_cut.jpg"))[:, :, ::-1]
Image.fromarray(cut).save(here / "420_cut.png", optimize=True)
# What OpenCV writes of the pixels of a PNG file.
pixels = cv2.imread(str(here / "444.png"))
(here / "written_by_opencv.jpg").write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
