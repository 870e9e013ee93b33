"""The paper's claims, its numbers, and the runs and metrics they are compared with.

Every stage names its runs alike, so one text serves all of them; a stage that lacks a
run lacks the rows that need it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .claims import Claim, Ordering, Quantity, Row
from .run import Run

CORLOC, RECALL = 'discovery/corloc', 'discovery/recall'
BOXES, TOP1 = 'discovery/num_predictions', 'accuracy/top1'

#: Settings of Table 7 that are no number of slots: run, label, accuracy, CorLoc.
ABLATIONS = (
    ('no_mask_mlp', 'without MLP over attention', '67.8', '23.4'),
    ('no_autoencoder', 'without autoencoding head', '69.6', '19.8'),
)
#: Readings that a model is trained with: run, label.
TRAINED_READINGS = (
    ('norm_scores', 'with scores normalised before MLP_m'),
    ('small_slots', 'with slots drawn at a deviation of 0.02'),
    ('probabilities', 'with probabilities averaged over slots, not logits'),
)
#: Readings of "threshold each mask": name, label, ``--cfg-options``.
RULES = (
    ('min_max', 'min-max masks above 0.5, concentration of the same', (
        'model.method.normalise=min_max',
        'model.method.threshold=0.5',
        'model.method.concentration=min_max',
    )),
    ('softmax_slots', 'softmax over slots above 0.2', (
        'model.method.normalise=softmax_slots',
        'model.method.threshold=0.2',
    )),
    ('relu', 'rectified masks above 0.3 of their maximum', (
        'model.method.normalise=relu',
        'model.method.threshold=0.3',
    )),
    ('heads_sum', "sum over heads in place of their mean", (
        'model.method.heads=sum',
    )),
    ('heads_each', 'each head a mask of its own', ('model.method.heads=each',)),
)  # fmt: skip


def claims_of(
    runs: Iterable[Run],
    slots: Sequence[int],
    main_slots: int,
    found: str = 'found_wwt',
) -> tuple[Claim, ...]:
    """The claims that a stage's runs have something to say about.

    Args:
        runs: The stage's runs.
        slots: Numbers of slots tried, rising; those but ``main_slots`` are runs called
            ``slots8`` and so on.
        main_slots: Slots of the run ``wwt``.
        found: The run that discovers objects with it.

    Returns:
        Claims with the rows and orderings for which there are runs.
    """
    names = {run.name for run in runs}
    claims = (
        table_1(),
        table_2(),
        table_3(),
        table_4(),
        table_5(),
        table_6(),
        table_7(slots, main_slots, found),
        figure_7(),
        readings(found),
    )
    kept = (restrict(claim, names) for claim in claims)
    return tuple(claim for claim in kept if claim.rows)


def restrict(claim: Claim, names: set[str]) -> Claim:
    """A claim without what runs of other names measure."""
    rows = [
        replace(
            row, cells=tuple(c if c and c.run in names else None for c in row.cells)
        )
        for row in claim.rows
    ]
    orderings = [
        ordering
        for ordering in claim.orderings
        if {ordering.high.run, ordering.low.run} <= names
    ]
    rows = [row for row in rows if any(row.cells)]
    return replace(claim, rows=tuple(rows), orderings=tuple(orderings))


def table_1() -> Claim:
    """Accuracy and explanations."""

    def row(label: str, run: str, method: str, *paper: str) -> Row:
        cells = (
            Quantity(run, f'{method}/macs', 1e-6),
            Quantity(run, f'{method}/{TOP1}'),
            Quantity(run, f'{method}/explanation/drop'),
            Quantity(run, f'{method}/explanation/increase'),
        )
        return Row(label, cells, ('', *paper))

    wwt, vit = 'wwt_explained', 'vit_explained'
    drop, increase = 'explanation/drop', 'explanation/increase'
    masks, activation = 'masks', 'class-activation'
    orderings = [
        Ordering(
            'accuracy of WWT at most 5 points below that of a ViT of as many MACs',
            '71.3 / 72.2',
            Quantity(wwt, f'{activation}/{TOP1}'),
            Quantity(vit, f'class-token/{TOP1}'),
            slack=5.0,
        )
    ]
    for ours, whose in ((masks, 'raw masks'), (activation, 'eq. (8)')):
        for method, name, paper_drop, paper_increase in (
            ('class-token', 'raw attention', '52.6', '0.5'),
            ('rollout', 'rollout', '38.6', '4.4'),
        ):
            orderings += [
                Ordering(
                    f'Drop with {name} above that with {whose}',
                    f'{paper_drop} / 30.1' if ours == masks else '',
                    Quantity(vit, f'{method}/{drop}'),
                    Quantity(wwt, f'{ours}/{drop}'),
                ),
                Ordering(
                    f'Increase with {whose} above that with {name}',
                    f'6.8 / {paper_increase}' if ours == masks else '',
                    Quantity(wwt, f'{ours}/{increase}'),
                    Quantity(vit, f'{method}/{increase}'),
                ),
            ]
    return Claim(
        1,
        'Table 1',
        'As accurate as a ViT of equal cost, and easier to explain',
        ('M MACs', 'top-1', 'Drop', 'Increase'),
        (
            row(
                'ViT, class-token attention', vit, 'class-token', '72.2', '52.6', '0.5'
            ),
            row('ViT, rollout', vit, 'rollout', '72.2', '38.6', '4.4'),
            row('WWT, raw masks', wwt, masks, '71.3', '30.1', '6.8'),
            row('WWT, eq. (8)', wwt, activation, '71.3', '', ''),
        ),
        tuple(orderings),
        'Its map is that of raw masks: "attention masks as they are" (sec. 4).',
    )


def table_2() -> Claim:
    """Weakly supervised segmentation."""
    rows = (
        ('weak_attention', 'ViT, class-token attention', '8.8'),
        ('weak_rollout', 'ViT, rollout', '35.9'),
        ('weak_wwt', 'WWT, masks', '49.1'),
        ('weak_wwt_heads', 'WWT, each head rectified before their mean', ''),
        ('weak_wwt_all', 'WWT, all classes compete', ''),
        ('weak_wwt_all_average', 'the same, eq. (8) over the sum of its weights', ''),
    )
    wwt = Quantity('weak_wwt', 'mIoU')
    return Claim(
        2,
        'Table 2',
        'Raw masks segment better than attention and rollout',
        ('mIoU', 'threshold'),
        tuple(
            Row(
                label,
                (
                    Quantity(run, 'mIoU'),
                    Quantity(f'{run}_threshold', 'search/threshold', digits=2),
                ),
                (paper, ''),
            )
            for run, label, paper in rows
        ),
        tuple(
            Ordering(
                f'mIoU of WWT above {label.partition(", ")[2]} of a ViT',
                f'49.1 / {paper}',
                wwt,
                Quantity(run, 'mIoU'),
            )
            for run, label, paper in rows[:2]
        ),
        'Each threshold is the best on other images than the mIoU is measured on.',
    )


def table_3() -> Claim:
    """Single-object discovery."""
    baselines = (
        ('found_lost', 'ViT, LOST', '11.7'),
        ('found_last', 'ViT, LaSt', '29.7'),
    )
    wwt = Quantity('found_wwt', CORLOC)
    return Claim(
        3,
        'Table 3',
        'Thresholded masks find an object more often than a supervised ViT',
        ('CorLoc',),
        (
            *(Row(name, (Quantity(run, CORLOC),), (p,)) for run, name, p in baselines),
            Row('WWT, threshold', (wwt,), ('41.4',)),
            *(
                Row(f'{name}, on VOC07', (Quantity(f'{run}_voc07', CORLOC),), (p,))
                for run, name, p in (
                    *baselines,
                    ('found_wwt', 'WWT, threshold', '41.4'),
                )
            ),
        ),
        tuple(
            Ordering(
                f'CorLoc of WWT above {name}', f'41.4 / {p}', wwt, Quantity(run, CORLOC)
            )
            for run, name, p in baselines
        ),
        "The paper's numbers are those of its column VOC12; those that it cites are on "
        'VOC07 in their sources.',
    )


def table_4() -> Claim:
    """Multi-object discovery."""

    def row(label: str, run: str, *paper: str) -> Row:
        return Row(label, (Quantity(run, BOXES), Quantity(run, RECALL)), paper)

    wwt = Quantity('found_wwt', RECALL)
    most = [Quantity(f'found_most{granularity}', RECALL) for granularity in (1, 2, 3)]
    return Claim(
        4,
        'Table 4',
        'Masks recall more objects than MOST, whose recall saturates',
        ('boxes per image', 'recall'),
        (
            row('WWT, threshold', 'found_wwt', '16.3', '42.4'),
            row('WWT, the best box only', 'found_wwt_best'),
            row('WWT, the two best', 'found_wwt_two'),
            row('MOST(1)', 'found_most1', '3.0', '33.9'),
            row('MOST(2)', 'found_most2', '7.7', '34.1'),
            row('MOST(3)', 'found_most3', '12.5', '34.1'),
        ),
        (
            *(
                Ordering(
                    f'recall of WWT above MOST({granularity})',
                    f'42.4 / {paper}',
                    wwt,
                    most[granularity - 1],
                )
                for granularity, paper in ((1, '33.9'), (2, '34.1'), (3, '34.1'))
            ),
            Ordering(
                'recall of MOST(1) at most 2 points below that of MOST(3)',
                '33.9 / 34.1',
                most[0],
                most[2],
                slack=2.0,
            ),
            Ordering(
                'boxes of MOST(3) at least half of those of WWT (recalls compare)',
                '12.5 / 8.2',
                Quantity('found_most3', BOXES),
                Quantity('found_wwt', BOXES, scale=0.5),
            ),
            Ordering(
                'recall of the best box of WWT alone above MOST(1)',
                '',
                Quantity('found_wwt_best', RECALL),
                most[0],
            ),
            Ordering(
                'recall of the two best boxes of WWT above MOST(3)',
                '',
                Quantity('found_wwt_two', RECALL),
                most[2],
            ),
        ),
        "The paper's numbers are those on VOC12, with MOST on DINO; here MOST reads "
        'the supervised ViT. Where it makes few boxes, it compares with as many of '
        "WWT's best.",
    )


def table_5() -> Claim:
    """Unsupervised object-centric learning."""

    def overlap(run: str, kind: str = 'i') -> Quantity:
        return Quantity(run, f'objects/mBO_{kind}')

    def row(label: str, run: str, *paper: str) -> Row:
        return Row(label, (overlap(run), overlap(run, 'c')), paper)

    zero_shot, first = 'ocl_zeroshot', 'ocl_zeroshot_first'
    distilled, rgb = 'ocl_tested', 'ocl_rgb_tested'
    return Claim(
        5,
        'Table 5',
        'Distillation makes masks more object-centric, reconstruction does not',
        ('mBO_i', 'mBO_c'),
        (
            row('WWT, zero-shot', zero_shot, '29.9', '31.8'),
            row('WWT, zero-shot, the slots to be finetuned', first),
            row('WWT-OCL, RGB', rgb, '22.7', '25.0'),
            row('WWT-OCL, distilled', distilled, '37.5', '39.8'),
            row('the same, an MLP on masks times slots', 'ocl_mixed_tested'),
            row('Slot Attention', 'ocl_slot_attention_tested', '24.6', '24.9'),
            row('DINOSAUR-MLP', 'ocl_dinosaur_tested', '39.5', '40.9'),
        ),
        (
            Ordering(
                'mBO_i after distillation above zero-shot',
                '37.5 / 29.9',
                overlap(distilled),
                overlap(zero_shot),
            ),
            Ordering(
                'mBO_i after distillation above zero-shot with the same slots',
                '',
                overlap(distilled),
                overlap(first),
            ),
            Ordering(
                'mBO_i zero-shot above that after reconstructing RGB',
                '29.9 / 22.7',
                overlap(zero_shot),
                overlap(rgb),
            ),
        ),
        "The paper's numbers are those on VOC12, with DINO as the teacher; on scenes "
        'the teacher is the ViT that was trained on labels. Which masks compete in '
        'its zero-shot row is not given; all do in ours, and before finetuning the '
        'slots that it keeps are arbitrary ones.',
    )


def table_6() -> Claim:
    """Heads on slots and masks against heads on tokens."""

    def detection(run: str) -> Quantity:
        return Quantity(f'{run}_tested', 'pascal_voc/mAP', scale=100.0)

    def segmentation(run: str) -> Quantity:
        return Quantity(f'{run}_tested', 'mIoU')

    def row(label: str, cell: Quantity, paper: str) -> Row:
        if cell.metric == 'mIoU':
            return Row(label, (None, cell), ('', paper))
        return Row(label, (cell, None), (paper, ''))

    return Claim(
        6,
        'Table 6',
        'Heads on slots and masks beat the same heads on patch tokens',
        ('mAP', 'mIoU'),
        (
            row('detection head on tokens', detection('det_tokens'), '37.8'),
            row("detection head on masks, the paper's", detection('det'), '63.1'),
            row('detection head on masks, ours', detection('det_moments'), ''),
            row('the same, pooled tokens as they are', detection('det_unnormed'), ''),
            row('segmentation head on tokens', segmentation('seg_tokens'), '59.9'),
            row('segmentation head on masks', segmentation('seg'), '61.3'),
        ),
        (
            Ordering(
                "mAP of the paper's head on masks above that on tokens",
                '63.1 / 37.8',
                detection('det'),
                detection('det_tokens'),
            ),
            Ordering(
                'mAP of our head on masks above that on tokens',
                '',
                detection('det_moments'),
                detection('det_tokens'),
            ),
            Ordering(
                'mIoU of the head on masks above that on tokens',
                '61.3 / 59.9',
                segmentation('seg'),
                segmentation('seg_tokens'),
            ),
        ),
        "The paper's head regresses boxes from pooled features; ours corrects the box "
        'around the mask.',
    )


def table_7(
    slots: Sequence[int], main_slots: int, found: str, main: str = 'wwt'
) -> Claim:
    """Numbers of slots, and what pretraining can do without.

    ``main`` is the training with ``main_slots`` slots and everything.
    """

    def accuracy(run: str) -> Quantity:
        if run == 'wwt':
            return Quantity('wwt_explained', f'class-activation/{TOP1}')
        return Quantity(f'{run}_accuracy', TOP1)

    def corloc(run: str, metric: str = CORLOC) -> Quantity:
        return Quantity(found if run == 'wwt' else f'{run}_found', metric)

    def row(label: str, run: str, *paper: str) -> Row:
        cells = (accuracy(run), *(corloc(run, m) for m in (CORLOC, RECALL, BOXES)))
        return Row(label, cells, (*paper, '', ''))

    counts = {n: main if n == main_slots else f'slots{n}' for n in slots}
    in_paper = {64: ('69.7', '38.7'), 128: ('69.6', '')}
    fewer = [n for n in slots if n < main_slots]
    more = [n for n in slots if n > main_slots]
    paper_full = in_paper.get(main_slots, ('69.7 (64 slots)', '38.7 (64 slots)'))
    orderings = [
        Ordering(
            f'accuracy with {main_slots} slots above that with {n}',
            '69.7 / 66.8' if n == fewer[0] else '',
            accuracy(main),
            accuracy(counts[n]),
        )
        for n in fewer
    ] + [
        Ordering(
            f'accuracy with {main_slots} slots at most 1 point below that with {n}',
            '69.7 / 69.6',
            accuracy(main),
            accuracy(counts[n]),
            slack=1.0,
        )
        for n in more
    ]
    for run, label, paper_accuracy, paper_corloc in ABLATIONS:
        orderings.append(
            Ordering(
                f'CorLoc above that {label}',
                f'38.7 / {paper_corloc}',
                corloc(main),
                corloc(run),
            )
        )
        orderings.append(
            Ordering(
                f'accuracy at most 1 point below that {label}',
                f'69.7 / {paper_accuracy}',
                accuracy(main),
                accuracy(run),
                slack=1.0,
            )
        )
    return Claim(
        7,
        'Table 7',
        'Slots trade off; MLP over attention and autoencoding help to localise',
        ('top-1', 'CorLoc', 'recall', 'boxes per image'),
        (
            *(
                row(
                    f'{n} slots',
                    run,
                    *(paper_full if run == main else in_paper.get(n, ('', ''))),
                )
                for n, run in counts.items()
            ),
            *(row(label, run, *paper) for run, label, *paper in ABLATIONS),
            *(row(label, run, '', '') for run, label in TRAINED_READINGS),
        ),
        tuple(orderings),
        'Of its numbers of slots our copy of the paper has only the middle one, 64: '
        'accuracy is 66.8 with fewer and 69.6 with more. Rows without a number of the '
        "paper's are of values that it does not give.",
    )


def figure_7(runs: Sequence[tuple[str, str]] = (('invariance', ''),)) -> Claim:
    """Translation invariance; ``runs`` are names, and what they move over what."""

    def row(run: str, label: str, kind: str) -> Row:
        metrics = (f'{kind}/1', f'{kind}/2', f'{kind}/3', kind, f'other_{kind}')
        cells = tuple(Quantity(run, metric, digits=3) for metric in metrics)
        return Row(f'{kind}, {label}' if label else kind, cells)

    def ordering(run: str, label: str) -> Ordering:
        text = 'similarity to Pos0 of slots above that of tokens'
        return Ordering(
            f'{text}, {label}' if label else text,
            'a curve',
            Quantity(run, 'slots', digits=3),
            Quantity(run, 'tokens', digits=3),
        )

    return Claim(
        8,
        'Fig. 7',
        'Slots vary less than tokens when a pattern moves',
        ('Pos1', 'Pos2', 'Pos3', 'mean', 'something else'),
        tuple(row(*run, kind) for run in runs for kind in ('slots', 'tokens')),
        tuple(ordering(*run) for run in runs),
        'Cosine similarity to the first place; the last column is what the slot or '
        'token of something else reaches.',
    )


def readings(found: str) -> Claim:
    """What the paper leaves open, tried."""

    def row(label: str, full: str, mlp: str, autoencoder: str) -> Row:
        runs = (full, mlp, autoencoder)
        return Row(label, tuple(Quantity(run, CORLOC) if run else None for run in runs))

    rules = [
        row(label, f'{found}_{name}', f'no_mask_mlp_{name}', f'no_autoencoder_{name}')
        for name, label, _ in RULES
    ]
    default = row(
        'as everywhere else: softmax over tokens above 0.25 of its maximum',
        found,
        'no_mask_mlp_found',
        'no_autoencoder_found',
    )
    return Claim(
        9,
        'readings',
        'What the paper leaves open: does Table 7 depend on it?',
        ('CorLoc', 'without MLP over attention', 'without autoencoding head'),
        (default, *rules),
        (),
        'CorLoc of the same checkpoints by other rules of discovery.',
    )
