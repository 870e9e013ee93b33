"""MOST: several objects per image, by the entropy of similarity maps."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from torch import Tensor

from ...errors import one_of
from ..regions import Regions, component_at
from .base import FeatureMethod

#: Largest city-block distance between patches of one cluster, for each granularity.
CLUSTER_DISTANCES = {1: 2, 2: 1, 3: 0}


@TASK_UTILS.register_module()
class MOST(FeatureMethod):
    """Several objects per image (Rambhatla et al., 2023).

    1. *Entropy-based box analysis*: a patch lies on an object if its map of
       (rectified) similarities to all patches is little spread. The map is averaged
       over boxes of several sizes; where in at least half of the resulting maps the
       entropy of the values is below ``1 + log2(rows)``, the patch is a seed.
    2. Seeds are clustered by position (DBSCAN with one sample per cluster, city-block
       distance, which is single linkage).
    3. Each cluster gives a box: of its patches, those similar to the one with the
       fewest similar patches in the image (its core) sum up their similarities, and
       the connected region of positive sums around the core is the object.
    4. Regions that are one patch wide or high are dropped, and those whose box covers
       at least ``max_area`` of the image.

    The score of a region is the size of its cluster. Table 4 of the What-Where paper
    compares "clustering granularities" MOST(1) to MOST(3). What they stand for is not
    given; here it is the distance up to which seeds join a cluster: 2 (MOST's own), 1
    and 0 patches, the last making each seed a cluster. Clusters that lead to the same
    box are reported and counted each, as by MOST's code; the smaller the clusters, the
    more of them do.

    Args:
        granularity: 1, 2 or 3: the larger, the more and the smaller clusters.
        box_sizes: Side lengths ``k`` of the boxes: maps are averaged, adaptively, to
            ``(rows - k + 1) x (columns - k + 1)`` values; 1 to 5 in MOST's code.
        max_area: Share of the image from which a box is trivial; 0.9 in MOST's code.
        min_side: Boxes of at most this many patches in height or width are trivial; 1
            in MOST's code (16 pixels of patches of 16).
        unique: Whether of equal boxes only that of the largest cluster is reported;
            not in MOST's code.
        features: What to read; the keys in the paper.
    """

    def __init__(
        self,
        granularity: int = 1,
        box_sizes: Sequence[int] = (1, 2, 3, 4, 5),
        max_area: float = 0.9,
        min_side: int = 1,
        unique: bool = False,
        features: str = 'key',
    ) -> None:
        super().__init__(features)
        one_of('granularity', granularity, CLUSTER_DISTANCES)
        self.distance = CLUSTER_DISTANCES[granularity]
        self.box_sizes = tuple(box_sizes)
        self.max_area = max_area
        self.min_side = min_side
        self.unique = unique

    def discover(self, features: Tensor) -> Regions:
        """Find objects; see :meth:`FeatureMethod.discover`."""
        grid = features.shape[:2]
        features = features.flatten(0, 1)
        similarity = features @ features.T  # (N, N)
        seeds = np.flatnonzero(self.on_objects(similarity, grid).cpu().numpy())
        clusters = cluster_seeds(seeds, grid[1], self.distance)
        similarity = similarity.cpu().numpy()
        degree = (similarity > 0).sum(1) - (similarity.diagonal() > 0)
        masks, sizes = [], []
        for cluster in range(clusters.max(initial=-1) + 1):
            members = seeds[clusters == cluster]
            mask = self._region(similarity, degree, members, grid)
            if mask.any():
                masks.append(mask)
                sizes.append(len(members))
        if not masks:
            return Regions.of_masks(np.zeros((0, *grid), bool))
        return self._drop_trivial(Regions.of_masks(np.stack(masks), sizes))

    def on_objects(self, similarity: Tensor, grid: tuple[int, int]) -> Tensor:
        """Which patches lie on objects: ``(N,)`` bool, of similarities ``(N, N)``."""
        maps = similarity.clamp(min=0).unflatten(1, grid).unsqueeze(1)
        sizes = sorted({min(size, *grid) for size in self.box_sizes})
        votes = torch.zeros(len(similarity), device=similarity.device)
        for size in sizes:
            shape = (grid[0] - size + 1, grid[1] - size + 1)
            pooled = F.adaptive_avg_pool2d(maps, shape).flatten(1)
            votes += entropy_of_values(pooled) < 1 + math.log2(shape[0])
        return votes >= len(sizes) / 2

    def _region(
        self,
        similarity: np.ndarray,
        degree: np.ndarray,
        members: np.ndarray,
        grid: tuple[int, int],
    ) -> np.ndarray:
        """The region ``(h, w)`` of one cluster; empty if its core is not in it."""
        core = members[degree[members].argmin()]
        members = members[similarity[core, members] > 0]
        mask = similarity[members].sum(0).reshape(grid) > 0
        return component_at(mask, *divmod(int(core), grid[1]))

    def _drop_trivial(self, regions: Regions) -> Regions:
        width, height = (regions.boxes[:, 2:] - regions.boxes[:, :2]).T
        size = math.prod(regions.masks.shape[1:])
        keep = (np.minimum(width, height) > self.min_side) & (
            width * height < self.max_area * size
        )
        if self.unique:
            first = np.unique(regions.boxes, axis=0, return_index=True)[1]
            keep &= np.isin(np.arange(len(keep)), first)
        return Regions(*(field[keep] for field in regions))


def entropy_of_values(maps: Tensor) -> Tensor:
    """Shannon entropy, in bits, of the distribution of values in each map.

    Args:
        maps: ``(M, N)``; only which values are equal matters.

    Returns:
        ``(M,)``: 0 if all values are equal, ``log2(N)`` if all differ.
    """
    count, size = maps.shape
    ordered = maps.sort(1).values
    starts = torch.ones_like(ordered, dtype=torch.bool)  # of runs of equal values
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    runs = torch.bincount(starts.flatten().cumsum(0) - 1).to(maps.dtype)
    rows = starts.nonzero()[:, 0]
    total = maps.new_zeros(count).index_add_(0, rows, runs * runs.log2())
    return math.log2(size) - total / size


def cluster_seeds(seeds: np.ndarray, width: int, distance: float) -> np.ndarray:
    """Cluster patches whose chain of city-block steps is never above ``distance``.

    Args:
        seeds: ``(S,)`` indices of patches, row by row.
        width: Patches in a row.
        distance: Largest step, in patches.

    Returns:
        ``(S,)`` index of each seed's cluster.
    """
    if not len(seeds):
        return np.zeros(0, np.int64)
    points = np.stack(np.divmod(seeds, width), axis=1)
    pairs = cKDTree(points).query_pairs(distance, p=1, output_type='ndarray')
    graph = coo_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(seeds),) * 2
    )
    return connected_components(graph, directed=False)[1]
