# ruff: noqa: E501 - messages stand as they are printed
"""RAM, killers, schedulers, shared memory, paging files: never a shortage of device memory."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check, See

CASES: list[tuple[str, str, str, dict[str, object]]] = [
    ("cpu allocator", "RuntimeError: [enforce fail at CPUAllocator.cpp:64] . DefaultCPUAllocator: can't allocate memory: you tried to allocate "
     "4294967296 bytes. Error code 12 (Cannot allocate memory)", "host_oom", {"runtime": "pytorch", "tried_to_allocate_gib": 4.0}),
    ("cpu allocator on windows", r"RuntimeError: [enforce fail at C:\b\alloc_cpu.cpp:81] data. DefaultCPUAllocator: not enough memory: you tried to "
     "allocate 2147483648 bytes.", "host_oom", {"tried_to_allocate_gib": 2.0}),
    ("numpy", "numpy.core._exceptions.MemoryError: Unable to allocate 926. GiB for an array with shape (352000, 353000) and data type float64", "host_oom",
     {"runtime": "numpy", "tried_to_allocate_gib": 926.0}),
    ("slurm", "slurmstepd: error: Detected 1 oom-kill event(s) in step 881.batch cgroup. Some of your processes may have been killed by the cgroup "
     "out-of-memory handler.", "host_oom", {"runtime": "slurm"}),
    ("slurm 21", "slurmstepd-node4: error: Detected 3 oom_kill events in StepId=7.0. Some of the step tasks have been OOM Killed.", "host_oom",
     {"runtime": "slurm"}),
    ("srun", "srun: error: node12: task 3: Out Of Memory", "host_oom", {"runtime": "slurm"}),
    ("sacct", "812.batch      batch   OUT_OF_ME+    0:125", "host_oom", {"runtime": "slurm"}),
    ("torchrun", "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: -9) local_rank: 1 (pid: 99) of binary: /usr/bin/python",
     "host_oom", {"runtime": "linux"}),
    ("torchrun summary", "  exitcode  : -9 (pid: 42)\n  error_file: <N/A>\n  traceback : Signal 9 (SIGKILL) received by PID 42", "host_oom", {}),
    ("deepspeed", "[launch.py:325:sigkill_handler] ['python', '-u', 'train.py', '--local_rank=1'] exits with return code = -9", "host_oom", {}),
    ("accelerate", "subprocess.CalledProcessError: Command '['python', 'train.py']' died with <Signals.SIGKILL: 9>.", "host_oom", {}),
    ("kernel", "[81.2] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,task=python,pid=5,uid=0", "host_oom", {"runtime": "linux"}),
    ("kernel of old", "Out of memory: Kill process 3456 (python3) score 931 or sacrifice child", "host_oom", {"runtime": "linux"}),
    ("shell", "Epoch 3:  44%|####      | 440/1000 [10:00<12:00,  1.2s/it]\nKilled", "host_oom", {}),
    ("shell after a bar", "Loading checkpoint shards:   0%|          | 0/4 [00:00<?, ?it/s]Killed", "host_oom", {"phase": "load"}),
    ("bash script", "run.sh: line 14:  8123 Killed                  python train.py --epochs 5", "host_oom", {}),
    ("zsh", "zsh: killed     python convert.py", "host_oom", {}),
    ("exit code", "The command '/bin/sh -c python train.py' returned a non-zero code: exit code 137", "host_oom", {}),
    ("docker inspect", '"State": {"Status": "exited", "OOMKilled": true, "ExitCode": 137}', "host_oom", {}),
    ("exit code in json", '{"ExitCode": 137, "Error": ""}', "host_oom", {}),
    ("kubernetes", "    Last State:  Terminated\n      Reason:  OOMKilled\n      Exit Code:  137", "host_oom", {"runtime": "k8s"}),
    ("eviction", "The node was low on resource: memory. Container trainer was using 61Gi", "host_oom", {}),
    ("ray", "ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.\nMemory on the node (IP: 10.1.1.1) where the task "
     "(task ID: 7) was running was 120.5GB / 125.7GB (0.958), which exceeds the memory usage threshold of 0.95.", "host_oom",
     {"runtime": "ray", "host_ram_gib": 125.7}),
    ("raylet", "(raylet) node_manager.cc:3064: 3 Workers (tasks / actors) killed due to memory pressure (OOM)", "host_oom", {"runtime": "ray"}),
    ("old ray", "ray.memory_monitor.RayOutOfMemoryError: More than 95% of the memory on node box is used (60.1 / 62.8 GB).", "host_oom",
     {"runtime": "ray"}),
    ("windows", "OSError: [WinError 1455] The paging file is too small for this operation to complete.", "host_oom", {"runtime": "windows"}),
    ("windows in chinese", "OSError: [WinError 1455] 页面文件太小，无法完成操作。", "host_oom", {"runtime": "windows"}),
    ("colab", "Your session crashed after using all available RAM.", "host_oom", {}),
    ("shm", "RuntimeError: DataLoader worker (pid 77) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. "
     "Please try to raise your shared memory limit.", "shm", {"phase": "data", "task": "train"}),
    ("shm wrapped", "RuntimeError: DataLoader worker (pid 77) is killed by signal: Bus\nerror. It is possible that dataloader's workers are out of\nshared "
     "memory.", "shm", {}),
    ("shm bare", "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).", "shm", {}),
    ("semaphores", "UserWarning: [Errno 28] No space left on device.  joblib will operate in serial mode", "shm", {}),
    ("worker killed", "RuntimeError: DataLoader worker (pid 4242) is killed by signal: Killed.", "host_oom", {"phase": "data"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind", "facts"), CASES, ids=[case[0] for case in CASES])
def test_wording(check: Check, name: str, text: str, kind: str, facts: dict[str, object]) -> None:
    check(text, kind, **facts)  # type: ignore[arg-type]


def test_a_launcher_that_ends_the_others_does_not_hide_the_shortage(check: Check) -> None:
    text = (
        "[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total capacity of 23.64 GiB of which 0 bytes is "
        "free.\nW torch/distributed/elastic/multiprocessing/api.py:897] Sending process 78 closing signal SIGTERM\n"
        "E failed (exitcode: 1) local_rank: 0 (pid: 77) of binary: python\n[launch.py:319:sigkill_handler] Killing subprocess 77"
    )
    check(text, "vram_oom")


@pytest.mark.parametrize(
    "text",
    ["I killed the job and it still holds the memory", "the run was not killed", "process 12 exited with code 0"],
)
def test_talk_of_killing_is_no_kill(see: See, text: str) -> None:
    assert see(text).failure[0] != "host_oom"


def test_the_class_name_alone_is_not_the_gpu(see: See) -> None:
    assert (
        see("ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.").failure[0]
        == "host_oom"
    )
    assert see("java.lang.OutOfMemoryError: GC overhead limit exceeded").failure[0] == "other_error"
