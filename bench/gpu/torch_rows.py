"""`torch_rows.py`: the rows of bench/gpu/rows.ts in PyTorch on a GPU, eager and compiled, as lines of JSON."""

import json
import sys

import torch
import torch.nn.functional as F


def triplet(a, p, n):
    return F.relu((a - p).square().sum(-1) - (a - n).square().sum(-1) + 1).mean()


def info_nce(q, k):
    scores = F.normalize(q, dim=-1, eps=1e-8) @ F.normalize(k, dim=-1, eps=1e-8).T / 0.07
    return F.cross_entropy(scores, torch.arange(len(q), device=q.device))


def rand(*shape):
    return torch.randn(*shape, device="cuda", requires_grad=True)


N = 2**28
ROWS = {
    "mse": (F.mse_loss, lambda: [rand(N), torch.randn(N, device="cuda")]),
    "bce": (F.binary_cross_entropy_with_logits, lambda: [rand(N), torch.rand(N, device="cuda")]),
    "cross-entropy": (
        F.cross_entropy,
        lambda: [rand(16384, 50257), torch.randint(50257, (16384,), device="cuda")],
    ),
    "triplet": (triplet, lambda: [rand(8192, 768) for _ in range(3)]),
    "infoNce": (info_nce, lambda: [rand(8192, 768) for _ in range(2)]),
}


def least(loss, inputs):
    """Milliseconds of the loss with its gradients."""

    def run():
        for x in inputs:
            x.grad = None
        loss(*inputs).backward()

    for _ in range(3):
        run()
    best = float("inf")
    for _ in range(10):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        best = min(best, start.elapsed_time(end))
    return best


if not torch.cuda.is_available():
    sys.exit("PyTorch sees no GPU")
print(json.dumps({"torch": torch.__version__, "device": torch.cuda.get_device_name()}))
for name, (loss, make) in ROWS.items():
    for way, f in (("eager", loss), ("compiled", torch.compile(loss))):
        try:
            print(json.dumps({"row": name, "way": way, "ms": least(f, make())}), flush=True)
        except Exception as error:
            print(json.dumps({"row": name, "way": way, "error": str(error)[:200]}), flush=True)
        torch.cuda.empty_cache()
