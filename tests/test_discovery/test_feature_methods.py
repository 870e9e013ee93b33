"""LOST, TokenCut and MOST: planted objects are found, and loops give the same."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.linalg import eigh
from sklearn.cluster import DBSCAN

from wwt_mm.discovery import LOST, MOST, TokenCut
from wwt_mm.discovery.methods.most import cluster_seeds, entropy_of_values
from wwt_mm.discovery.regions import component_at
from wwt_mm.errors import ConfigError

GRID = (9, 11)
BLOCK = (2, 3, 6, 6)
OTHER = (8, 1, 10, 4)


def found(method, features):
    return sorted(map(tuple, method.discover(features).boxes.tolist()))


@pytest.mark.parametrize('method', [LOST, TokenCut, MOST])
@pytest.mark.parametrize('block', [BLOCK, (0, 0, 3, 3), (7, 6, 11, 9)])
def test_a_planted_block_is_the_object(method, block, plant):
    assert found(method(), plant(GRID, block)) == [block]


@pytest.mark.parametrize('method', [LOST, TokenCut])
def test_single_object_methods_find_one_of_two_blocks(method, plant):
    (box,) = found(method(), plant(GRID, BLOCK, OTHER))
    assert box in (BLOCK, OTHER)


def test_most_finds_both_of_two_blocks_the_larger_first(plant):
    regions = MOST().discover(plant(GRID, BLOCK, OTHER))
    assert [tuple(box) for box in regions.boxes.tolist()] == [BLOCK, OTHER]
    assert list(regions.scores) == [12, 6]


def test_a_larger_granularity_of_most_keeps_near_blocks_apart(plant):
    near = (7, 3, 9, 6)  # one patch away from BLOCK
    features = plant(GRID, BLOCK, near)
    assert len(found(MOST(granularity=1), features)) == 1
    assert found(MOST(granularity=2), features) == [BLOCK, near]
    assert found(MOST(granularity=3, unique=True), features) == [BLOCK, near]


def test_most_reports_the_box_of_each_cluster_even_if_it_is_the_same(plant):
    # Each patch of the two blocks is a seed and, at the finest granularity, a cluster.
    boxes = found(MOST(granularity=3), plant(GRID, BLOCK, OTHER))
    assert boxes == sorted([BLOCK] * 12 + [OTHER] * 6)


def test_most_drops_boxes_that_are_trivial(plant):
    features = plant(GRID, BLOCK, (8, 2, 9, 6))
    assert found(MOST(), features) == [BLOCK]
    assert len(found(MOST(min_side=0), features)) == 2
    assert found(MOST(max_area=0.1), features) == []


def test_most_finds_nothing_where_all_patches_are_alike(plant):
    regions = MOST().discover(plant(GRID))
    assert regions.boxes.shape == (0, 4) and regions.masks.shape == (0, *GRID)


def lost_with_loops(features, k_patches):
    """LOST as its paper says it, patch by patch."""
    patches = [vector.tolist() for vector in features.flatten(0, 1)]
    count = len(patches)

    def product(p, q):
        return sum(a * b for a, b in zip(patches[p], patches[q], strict=True))

    degrees = [sum(product(p, q) >= 0 for q in range(count)) for p in range(count)]
    order = sorted(range(count), key=lambda p: degrees[p])
    seed = order[0]
    members = [p for p in order[:k_patches] if product(p, seed) >= 0]
    mask = [sum(product(q, s) for s in members) >= 0 for q in range(count)]
    grid = features.shape[:2]
    return component_at(np.reshape(mask, grid), *divmod(seed, grid[1]))


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('k_patches', [1, 7, 100])
def test_lost_is_what_its_paper_says(seed, k_patches):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(5, 6, 4, generator=generator, dtype=torch.float64)
    regions = LOST(k_patches).discover(features)
    np.testing.assert_array_equal(
        regions.masks[0], lost_with_loops(features, k_patches)
    )


def test_a_bias_makes_patches_of_lost_less_similar(plant):
    features = plant(GRID, BLOCK) + 2  # now all products are positive
    assert found(LOST(), features) != [BLOCK]
    products = features.flatten(0, 1) @ features.flatten(0, 1).T
    assert found(LOST(bias=products.median().item() * 0.98), features) == [BLOCK]


@pytest.mark.parametrize('seed', range(3))
def test_tokencut_cuts_by_the_second_eigenvector_of_the_generalised_system(seed):
    rng = np.random.default_rng(seed)
    edges = np.where(rng.random((20, 20)) > 0.5, 1.0, 1e-5)
    edges = np.maximum(edges, edges.T)
    degrees = np.diag(edges.sum(1))
    expected = eigh(degrees - edges, degrees)[1][:, 1]
    vector = TokenCut.eigenvector(edges.copy())
    cosine = vector @ expected / np.linalg.norm(vector) / np.linalg.norm(expected)
    assert abs(cosine) == pytest.approx(1)


def most_seeds_with_loops(similarity, grid, box_sizes):
    """Entropy-based box analysis, map by map and value by value."""
    seeds = []
    for patch, row in enumerate(similarity):
        votes = []
        for size in box_sizes:
            shape = (grid[0] - size + 1, grid[1] - size + 1)
            pooled = torch.nn.functional.adaptive_avg_pool2d(
                row.clamp(min=0).view(1, 1, *grid), shape
            )
            values = pooled.flatten().tolist()
            shares = [values.count(v) / len(values) for v in set(values)]
            entropy = -sum(share * math.log2(share) for share in shares)
            votes.append(entropy < 1 + math.log2(shape[0]))
        if sum(votes) >= len(votes) / 2:
            seeds.append(patch)
    return seeds


@pytest.mark.parametrize('seed', range(4))
def test_the_seeds_of_most_are_those_of_loops(seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    similarity = features @ features.T - 0.7
    method = MOST(box_sizes=(1, 2, 3))
    seeds = method.on_objects(similarity, (5, 6)).nonzero()[:, 0].tolist()
    assert seeds == most_seeds_with_loops(similarity, (5, 6), (1, 2, 3))
    assert 0 < len(seeds) < 30


def test_the_entropy_of_values_counts_equal_ones():
    maps = torch.tensor([[1.0, 1, 1, 1], [1, 2, 3, 4], [0, 0, 5, 5]])
    assert entropy_of_values(maps).tolist() == [0, 2, 1]


@pytest.mark.parametrize('distance', [1, 2])
@pytest.mark.parametrize('seed', range(3))
def test_clusters_of_most_are_those_of_dbscan(distance, seed):
    rng = np.random.default_rng(seed)
    seeds = np.sort(rng.choice(80, 25, replace=False))
    points = np.stack(np.divmod(seeds, 10), 1)
    expected = DBSCAN(eps=distance, metric='cityblock', min_samples=1).fit(points)
    pairs = set(zip(cluster_seeds(seeds, 10, distance), expected.labels_, strict=True))
    assert len(pairs) == expected.labels_.max() + 1  # a bijection of labels


def test_options_out_of_range_are_errors():
    with pytest.raises(ConfigError, match='k_patches'):
        LOST(k_patches=0)
    with pytest.raises(ConfigError, match='granularity'):
        MOST(granularity=4)


@pytest.mark.parametrize('method', [LOST, TokenCut])
def test_nothing_is_found_in_an_image_without_contrast(method, monkeypatch, plant):
    features = torch.stack([plant(GRID, BLOCK)] * 2)
    read = SimpleNamespace(features=features, padding_mask=None)
    monkeypatch.setattr('wwt_mm.discovery.methods.base.read_features', lambda *_: read)
    images = torch.ones(2, 3, 8, 8)
    images[1, 0, 0, 0] = 0
    blank, other = method()(None, images)
    assert blank.boxes.shape == (0, 4) and blank.masks.shape == (0, *GRID)
    assert [tuple(box) for box in other.boxes.tolist()] == [BLOCK]


@pytest.mark.parametrize('method', [LOST, TokenCut, MOST])
def test_padding_is_no_patch(method, monkeypatch, plant):
    block = (4, 3, 8, 6)  # of 7 x 8 patches, beside the padding
    features = torch.zeros(1, 9, 11, 2)
    features[0, :7, :8] = plant((7, 8), block)
    padding = torch.ones(1, 9, 11, dtype=torch.bool)
    padding[:, :7, :8] = False
    read = SimpleNamespace(features=features, padding_mask=padding)
    base = 'wwt_mm.discovery.methods.base.read_features'
    monkeypatch.setattr(base, lambda *_: read)
    (regions,) = method()(None, torch.rand(1, 3, 9, 11), padding)
    assert regions.boxes.tolist() == [list(block)]
    assert regions.masks.shape[1:] == (7, 8)


def test_tokencut_does_not_care_how_long_features_are(plant):
    assert found(TokenCut(), 0.1 * plant(GRID, BLOCK)) == [BLOCK]


@pytest.mark.parametrize('seed', range(6))
def test_tokencut_of_noise_is_the_side_of_the_second_eigenvector(seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(5, 6, 4, generator=generator, dtype=torch.float64) + 0.3
    unit = torch.nn.functional.normalize(features.flatten(0, 1), dim=1).numpy()
    edges = np.where(unit @ unit.T > 0.2, 1.0, 1e-5)
    degrees = np.diag(edges.sum(1))
    vector = eigh(degrees - edges, degrees)[1][:, 1]
    place = int(np.abs(vector).argmax())
    side = vector > vector.mean()
    side = side if side[place] else ~side
    expected = component_at(side.reshape(5, 6), *divmod(place, 6))
    np.testing.assert_array_equal(TokenCut().discover(features).masks[0], expected)


@pytest.mark.parametrize('seed', range(5))
def test_lost_with_products_that_are_exactly_zero(seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randint(-1, 2, (5, 6, 3), generator=generator).double()
    expected = lost_with_loops(features, 7)
    np.testing.assert_array_equal(LOST(7).discover(features).masks[0], expected)


def most_with_loops(features, distance, sizes):
    """MOST from its seeds on: clusters, their cores, and the region of each."""
    grid, flat = features.shape[:2], features.flatten(0, 1)
    product = (flat @ flat.T).numpy()
    seeds = np.array(most_seeds_with_loops(torch.tensor(product), grid, sizes), int)
    clusters, regions = cluster_seeds(seeds, grid[1], distance), []
    for cluster in range(clusters.max(initial=-1) + 1):
        members = [int(s) for s, c in zip(seeds, clusters, strict=True) if c == cluster]
        degrees = [
            sum(product[m, q] > 0 for q in range(len(flat)) if q != m) for m in members
        ]
        core = members[int(np.argmin(degrees))]
        near = [m for m in members if product[core, m] > 0]
        mask = [sum(product[m, q] for m in near) > 0 for q in range(len(flat))]
        region = component_at(np.reshape(mask, grid), *divmod(core, grid[1]))
        if region.any():
            rows, columns = np.nonzero(region)
            corners = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            regions.append((len(members), *map(int, corners)))
    return sorted(regions)


@pytest.mark.parametrize('sizes', [(1, 2, 3), (1, 2)])
@pytest.mark.parametrize('seed', range(6))
def test_regions_of_most_are_those_of_loops(seed, sizes, plant):
    blocks = (1, 1, 3, 3), (4, 2, 7, 5)
    features = plant((6, 7), *blocks, noise=0.35, seed=seed).double()
    regions = MOST(box_sizes=sizes, max_area=2, min_side=0).discover(features)
    boxes = zip(regions.scores, regions.boxes.tolist(), strict=True)
    result = sorted((int(score), *box) for score, box in boxes)
    assert result and result == most_with_loops(features, 2, sizes)
