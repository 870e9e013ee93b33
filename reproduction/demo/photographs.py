"""The demo's first step: what the model that ships sees in photographs."""

import time
from pathlib import Path

import skimage

from wwt_mm.inference import SlotInferencer
from wwt_mm.inference.run import write_slots

from .page import Picture, Step

#: Of scikit-image's wheel, where they are in the public domain or CC0.
PHOTOGRAPHS = ('chelsea.png', 'coffee.png', 'astronaut.png', 'rocket.jpg')


def look_at_photographs(out: Path) -> tuple[Step, list[Picture]]:
    """Write slots, masks, classes and regions of some photographs.

    Args:
        out: Folder to write them to, with a gallery to hover over.

    Returns:
        What was done, and a picture of each.
    """
    begin = time.perf_counter()
    folder = Path(skimage.__file__).parent / 'data'
    infer = SlotInferencer()
    images = [folder / name for name in PHOTOGRAPHS]
    write_slots(infer, images, out, gallery=len(images))
    pictures = [
        Picture.read(
            f'A photograph: {Path(name).stem}',
            'Its slots (the one with the highest mask at each place), the evidence '
            'for its class, what the autoencoding head makes of the slots, and the '
            f'masks of single slots. Hover over them in {out.name}/gallery.html.',
            out / f'{name}.slots.png',
        )
        for name in PHOTOGRAPHS
    ]
    step = Step(
        'Look at photographs with the model that is part of the package',
        'python tools/slots.py PHOTO --html',
        time.perf_counter() - begin,
    )
    return step, pictures
