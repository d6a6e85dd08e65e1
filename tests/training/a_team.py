"""As a program, ``a_team.py RANK SIZE FOLDER DIES``: one member of a team; prints what it saw as JSON."""

import json
import os
import sys
from pathlib import Path

import torch
from torch import nn
from torch.distributed import FileStore

from lorabuild.core.errors import StageError
from lorabuild.training.together import LostError, joined


def main():
    rank, size, folder, dies = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] == "dies"
    torch.set_num_threads(1)
    store, saw = FileStore(str(folder / "meeting"), size), {}
    with joined(store, rank, size, torch.device("cpu"), lambda: None) as team:
        looks = list(range(5))
        saw["shares"] = [team.share(looks), team.share([7])]
        saw["gathered"] = [team.gather(torch.tensor([float(x) for x in part])).tolist() for part in saw["shares"]]
        both, one, none = (nn.Parameter(torch.ones(shape)) for shape in ((3,), (2, 2), (1,)))
        both.grad = torch.full((3,), rank + 0.5)
        if rank == 1:
            one.grad = torch.ones(2, 2)
        team.sum_gradients([both, one, none])
        saw["gradients"] = [None if member.grad is None else member.grad.tolist() for member in (both, one, none)]
        saw["agreed"] = team.agree(rank + 1.5)
        team.compare([both, one])
        if dies and rank == 1:
            os._exit(9)
        try:
            with torch.no_grad():
                both += 1e-7 * rank
            team.compare([both, one])
        except LostError as error:
            saw["lost"] = error.what
        except StageError as error:
            saw["differ"] = error.what
    print(json.dumps(saw))


if __name__ == "__main__":
    main()
