# SLATE on generated scenes: a smaller vocabulary and Transformer, for a CPU.
_base_ = [
    '../../_base_/models/ocl_slate.py',
    '../../_base_/datasets/ocl_scenes.py',
    '../../_base_/schedules/ocl_scenes.py',
]

model = dict(
    grouping=dict(in_channels=64, num_slots=5, channels=64, iterations=3),
    decoder=dict(
        in_channels=64, embed_dims=64, out_channels=64, num_layers=2, num_heads=4
    ),
    target=dict(
        vocabulary=64, channels=64, grid=(16, 16), hidden_channels=32, annealing=100
    ),
)
