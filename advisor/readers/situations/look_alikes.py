"""Failures that look like a shortage of device memory and are not, or that have a cure of their own.

>>> doc = Document.of("RuntimeError: CUDA error: device-side assert triggered")
>>> [o.value for o in read(doc)]
['device_side_assert']
"""

from __future__ import annotations

from collections.abc import Iterator

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.situations._table import compiled, signals_of

TRIGGERS: tuple[str, ...] = ()

_PATTERNS = compiled(
    {
        # https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html: the names of the errors.
        "device_side_assert": r"device-side assert|cudaerrorassert|`t >= 0 && t < n_classes`|srcindex < srcselectdimsize",
        "illegal_memory_access": r"illegal memory access|misaligned address|cuda_error_illegal_address|cudaerrorillegaladdress",
        "invalid_device_ordinal": r"invalid device ordinal|cuda_error_invalid_device|cudaerrorinvaliddevice",
        "driver_too_old": r"driver version is insufficient|driver on your system is too old|cuda failure 35\b|"
        r"cudaerrorinsufficientdriver|"
        r"unsupported display driver",
        "no_kernel_image": r"no kernel image is available|is not compatible with the current pytorch installation|"
        r"cudaerrornokernelimage",
        "cpu_only_build": r"not compiled with cuda enabled|not compiled with cuda support|cpu-only (?:build|version)|"
        r"found no nvidia driver",
        "device_lost": r"device_lost|device lost|device (?:was )?removed|gpu has fallen off|\bxid\b[^\n]{0,12}\b(?:79|31|13)\b",
        "disk_full": r"no space left on device|errno 28\b|disk quota exceeded|tempstate[^\n]{0,60}resource exhausted|"
        r"error writing \(tmp\) checkpoint|"
        r"磁盘空间不足|not enough disk space",
        "segmentation_fault": r"segmentation fault|sigsegv|exit code 139|段错误|access violation",
        "nccl_failure": r"watchdog caught collective|nccl (?:error|timeout)|ncclsystemerror|ncclunhandledcudaerror|"
        r"collective operation timeout",
        "index_out_of_range": r"index out of range|out of table with|indexerror:|index out of bounds",
        "length_warning": r"token indices sequence length is longer than",
        "java_heap": r"java\.lang\.outofmemoryerror|java heap space|gc overhead limit exceeded|metaspace\b[^\n]{0,20}outofmemory",
        "cublas_handle": r"cublas_status_(?:not_initialized|alloc_failed)|cublas handle|cublascreate",
        "cudnn_handle": r"cudnn_status_(?:not_initialized|alloc_failed)|could not create cudnn handle|"
        r"failed to get convolution algorithm|cudnn failure[^\n]{0,12}not_initialized",
        "on_chip_memory": r"out of resources?: (?:shared memory|threads|registers)|outofresources|uses too much shared data|"
        r"too many resources requested for launch|"
        r"ran out of memory in memory space vmem",
        "allocator_warning_only": r"caller indicates that this is not a failure|could be performance gains if more memory were available",
        "dataloader_workers": r"dataloader worker|out of shared memory|bus error",
        "pinned_memory": r"pin_memory|pinned memory|cudahostalloc|page-locked",
        "container_limit": r"cgroup|oomkilled|slurmstepd|exceeded (?:job |step )?memory limit|memory limit of container|"
        r"exit(?:ed)? (?:with )?(?:code|status) 137",
        "paging_file": r"paging file is too small|os error 1455|winerror 1455|页面文件太小|commit(?:ment)? limit",
        "hosted_notebook_crash": r"session crashed|your session (?:has )?crashed|kernel (?:appears to have )?died",
        "single_buffer_limit": r"maxbufferlength|max_mem_alloc|device memory allocation of size \d+ failed|"
        r"exceeds? (?:the )?(?:maximum|max) (?:buffer|allocation)|cl_invalid_buffer_size",
        "install_mismatch": r"no module named|cannot open shared object file|undefined symbol|dll load failed|"
        r"incompatible (?:version|with)|cudamalloc failed: unknown error",
        "memory_fraction_cap": r"set_per_process_memory_fraction|per_process_gpu_memory_fraction|gpu_mem_limit|user (?:memory )?limit",
    }
)  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """A signal for each look-alike whose words occur."""
    yield from signals_of(doc, _PATTERNS)
