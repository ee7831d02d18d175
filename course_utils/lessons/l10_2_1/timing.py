"""Is it quicker to train many small networks one after the other, or together?"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from course_utils.training.together import Stack, sgd_together


def race(build: Callable[[], torch.nn.Module], networks: int, data, *, batch_size: int = 32, updates: int = 5) -> tuple:
    """Seconds for one update of so many networks, (one after the other, together); the least of `updates` tries each.

    build: makes a fresh network. Both ways see the same batch, in float32, and update with SGD and momentum.
    """
    models = [build() for _ in range(networks)]
    stack = Stack([build() for _ in range(networks)])
    inputs, labels = data.batches(batch_size, seed=0, augment=False, device=stack.compute.device).get(0)
    sgd = [torch.optim.SGD(model.to(inputs.device).parameters(), lr=0.01, momentum=0.9) for model in models]
    same, memory = torch.ones(networks, device=inputs.device), {}

    def one_by_one():
        for model, optimizer in zip(models, sgd, strict=True):
            optimizer.zero_grad()
            cross_entropy(model(inputs), labels).backward()
            optimizer.step()

    def all_at_once():
        gradients, _ = stack.gradients_and_losses(inputs, labels)
        sgd_together(stack.weights, gradients, memory, 0.01 * same, 0 * same, 0.9 * same)

    times: dict = {one_by_one: [], all_at_once: []}
    for _ in range(updates + 1):  # the first try of each is the warm-up
        for way, seconds in times.items():
            begin = time.perf_counter()
            way()
            if inputs.is_cuda:
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - begin)
    return tuple(min(seconds[1:]) for seconds in times.values())
