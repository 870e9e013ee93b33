"""Randomness that depends on the position in a run only, not on what ran before."""

import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dist import broadcast, get_dist_info
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader, IterableDataset, Sampler

# Keep the two streams of random numbers of a run apart.
_MODEL, _SAMPLE = 0, 1


@HOOKS.register_module()
class RandomStateHook(Hook):
    """Makes a resumed training run end exactly as one that was never interrupted.

    Before each iteration the generators of Python, NumPy and torch are seeded from
    (seed, iteration, rank), which fixes drop path and dropout. Before each training
    sample is loaded, in whichever process, they are seeded from (seed, position of the
    sample in the stream of training samples), which fixes its augmentation. So
    augmentation differs between epochs and between ranks (mmengine alone repeats its
    NumPy seeds in each epoch), and does not depend on the number of workers or ranks.
    If the seed was chosen by the run itself, the one in the checkpoint is taken over,
    also by the sampler.

    Exact, to the bit on CPU with an unchanged number of processes and threads, are

    * ``EpochBasedTrainLoop`` with checkpoints at the ends of epochs;
    * ``IterBasedTrainLoop``: with ``InfiniteSampler`` the sampler is advanced, with
      others mmengine draws (and, with workers, loads) the samples it skips;

    both with any number of workers, persistent or not. Not exact are checkpoints within
    an epoch of ``EpochBasedTrainLoop``, ``fast_forward_on_resume=True``, iterable
    datasets, transforms with a generator or a cache of their own (``CachedMosaic``),
    and, on a GPU, kernels that are not deterministic (see ``--deterministic``).
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Takes over the run's seed and arranges for samples to be seeded."""
        self._seed = _share_seed(runner.seed)
        self._rank = get_dist_info()[0]
        runner.logger.info(
            f'Random seed: {self._seed}. To repeat this run, use --seed {self._seed}'
        )
        loader = runner.train_loop.dataloader
        _share_seed_with_sampler(runner, loader, self._seed)
        self._indices = _seed_samples(loader, self._seed)
        if self._indices is None:
            runner.logger.warning(
                'Samples cannot be seeded one by one with this dataset or batch '
                'sampler: a resumed run will not repeat an uninterrupted one exactly.'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Tells the sample stream where in the run it starts."""
        if self._indices is None:
            return
        loop = runner.train_loop
        if isinstance(loop, IterBasedTrainLoop) and not _can_skip(loop.dataloader):
            # The loop will draw all samples of the former run again.
            self._indices.drawn = 0
        else:
            batch_size = loop.dataloader.batch_sampler.batch_size
            self._indices.drawn = runner.iter * batch_size

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seeds what the model draws in this iteration."""
        seeds = _mix(self._seed, _MODEL, runner.iter, self._rank)
        _seed_generators(*seeds)
        if torch.cuda.is_available():
            torch.cuda.manual_seed(int(seeds[2]))


class _PlacedIndex(int):
    """A dataset index that knows its place in the stream of training samples."""

    place: int


class _PlacedIndices(Sampler):
    """Hands on the indices of a sampler, each with its place in the stream.

    Args:
        sampler: The sampler, which gives each rank every ``world_size``-th sample.

    Attributes:
        drawn: How many samples this rank has drawn since the run began.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._rank, self._world_size = get_dist_info()
        self.drawn = 0

    def __iter__(self) -> Iterator[_PlacedIndex]:
        for index in self._sampler:
            placed = _PlacedIndex(index)
            placed.place = self.drawn * self._world_size + self._rank
            self.drawn += 1
            yield placed

    def __len__(self) -> int:
        return len(self._sampler)

    def __getattr__(self, name: str) -> Any:
        if name == '_sampler':  # while being unpickled
            raise AttributeError(name)
        return getattr(self._sampler, name)


def _load_seeded(dataset: Any, seed: int, indices: Sequence[_PlacedIndex]) -> list[Any]:
    """Loads the samples of a batch, seeding the generators before each."""
    samples = []
    for index in indices:
        _seed_generators(*_mix(seed, _SAMPLE, index.place))
        samples.append(dataset[int(index)])
    return samples


def _seed_samples(loader: DataLoader, seed: int) -> _PlacedIndices | None:
    """Makes a data loader seed each sample, through torch's hook for loading a batch.

    Returns:
        The stream of indices, or None if this loader cannot do that.
    """
    dataset, batch_sampler = loader.dataset, loader.batch_sampler
    loads_batches = getattr(dataset, '__getitems__', None) is not None
    sampler = getattr(batch_sampler, 'sampler', None)
    if isinstance(dataset, IterableDataset) or loads_batches or sampler is None:
        return None
    if not hasattr(batch_sampler, 'batch_size'):
        return None
    batch_sampler.sampler = _PlacedIndices(sampler)
    dataset.__getitems__ = partial(_load_seeded, dataset, seed)
    return batch_sampler.sampler


def _can_skip(loader: DataLoader) -> bool:
    """Tells whether mmengine advances the sampler rather than drawing from it."""
    return loader.batch_size is not None and hasattr(loader.sampler, 'skip')


def _share_seed(seed: int) -> int:
    """Gives every rank the seed of the first."""
    shared = torch.tensor(seed, dtype=torch.int64)
    broadcast(shared)
    return int(shared)


def _share_seed_with_sampler(runner: Runner, loader: DataLoader, seed: int) -> None:
    """Gives the sampler the seed of the run, unless the config names its own.

    mmengine builds the sampler before it reads the seed from the checkpoint.
    """
    settings = runner.cfg.get('train_dataloader', {}).get('sampler') or {}
    sampler = getattr(loader.batch_sampler, 'sampler', None)
    if settings.get('seed') is None and hasattr(sampler, 'seed'):
        sampler.seed = seed


def _mix(*numbers: int) -> np.ndarray:
    """Derives three well-mixed 32-bit seeds from some non-negative numbers."""
    return np.random.SeedSequence(numbers).generate_state(3)


def _seed_generators(for_python: int, for_numpy: int, for_torch: int) -> None:
    random.seed(int(for_python))
    np.random.seed(for_numpy)
    # Unlike torch.manual_seed it leaves the GPU alone, also in workers.
    torch.default_generator.manual_seed(int(for_torch))
