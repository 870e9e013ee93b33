"""Runs a function in two processes that share a gloo group."""

import multiprocessing
import os
import pickle

import torch.distributed as dist

from reproduction.launcher import LIBRARIES


def run_in_two_processes(function, folder, *arguments):
    """Calls ``function(rank, *arguments)`` in both; returns what they return.

    The function must be a module-level one. A failing process fails the test.
    """
    context = multiprocessing.get_context('forkserver')
    # The server of a test process serves all of its tests: what they need, it has.
    context.set_forkserver_preload(list(LIBRARIES))
    processes = [
        context.Process(target=_enter, args=(function, rank, str(folder), arguments))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
        if process.exitcode is None:
            process.kill()
    assert [process.exitcode for process in processes] == [0, 0]
    return [pickle.loads((folder / f'{rank}.pkl').read_bytes()) for rank in range(2)]


def _enter(function, rank, folder, arguments):
    os.environ.update(LOCAL_RANK=str(rank), RANK=str(rank), WORLD_SIZE='2')
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2
    )
    result = function(rank, *arguments)
    with open(f'{folder}/{rank}.pkl', 'wb') as file:
        pickle.dump(result, file)
    dist.barrier()
    dist.destroy_process_group()
