"""Runs the harness's tools in processes that have imported the libraries already."""

from tool_process import REPOSITORY

from reproduction.executor import Executor, RunError, last_words

# One epoch of a few images of 64 pixels.
SCENES = '--height 64 --width 64 --train 8 --val 4 --test 6 --workers 1 '
SCENES += '--cls-train 20 --cls-val 10'
TRAINING = ['train_cfg.max_epochs=1', 'train_dataloader.batch_size=4']


def use(run_tool, monkeypatch):
    """Has every executor call the real tools through ``run_tool``."""

    def call(self, command, log):
        assert command[0] == 'python'
        tool = command[1].removeprefix('tools/').removesuffix('.py')
        arguments = [
            str(REPOSITORY / part) if part.startswith('configs/') else part
            for part in command[2:]
        ]
        finished = run_tool(tool, *arguments)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('a') as file:
            file.write(finished.output)
        if finished.code:
            raise RunError(f'{last_words(log)} (status {finished.code})')
        return 0.1

    monkeypatch.setattr(Executor, '_call', call)
