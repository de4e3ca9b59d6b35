# ruff: noqa: E501 - messages stand as they are printed
"""The phase of a failure from frames, notebooks' arrows, code without frames, and progress lines."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check

OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB."


def trace(*frames: str) -> str:
    """A traceback of (function: line of code) frames, the outermost first."""
    rows = ["Traceback (most recent call last):"]
    for number, frame in enumerate(frames):
        function, code = frame.split(": ", 1)
        rows += [f'  File "/home/u/app/module{number}.py", line {number + 7}, in {function}', f"    {code}"]
    return "\n".join([*rows, OOM])


CASES = [
    ("forward", trace("main: trainer.train()", "training_step: loss = self.compute_loss(model, inputs)", "forward: return self.mlp(x)"), "train"),
    ("backward", trace("train: self.accelerator.backward(loss)", "backward: loss.backward(**kwargs)"), "train"),
    ("backward", trace("train: loss.backward()", "backward: Variable._execution_engine.run_backward(", "forward: recomputed = self.layer(x)"), "train"),
    ("optimizer_step", trace("_inner_training_loop: self.optimizer.step()", "step: self._init_group(group)"), "train"),
    ("forward", trace("main: trainer.train(resume_from_checkpoint=args.resume)", "training_step: outputs = model(**inputs)", "forward: x = self.act(x)"), "train"),
    ("eval", trace("train: self._maybe_log_save_evaluate(tr_loss)", "evaluate: output = eval_loop(", "evaluation_loop: losses = self.prediction_step(", "forward: x = y"), None),
    ("checkpoint_save", trace("train: self._save_checkpoint(model, trial)", "_save_checkpoint: self.save_model(output_dir)", "to: return t.to(device)"), None),
    ("load", trace("main: model = AutoModel.from_pretrained(path)", "_load_pretrained_model: set_module_tensor_to_device(model, key)"), None),
    ("generate", trace("main: ids = model.generate(**inputs)", "generate: return self._sample(", "forward: q = self.q_proj(x)"), "inference"),
    ("data", trace("main: for batch in loader:", "__next__: data = self._next_data()", "collate_fn: return torch.stack(batch)"), None),
    ("init", trace("main: dist.init_process_group('nccl')", "barrier: work = group.barrier()"), None),
    ("optimizer_step", trace("fit: self._run(model)", "optimizer_step: closure_result = closure()", "step: exp_avg = torch.zeros_like(p)"), "train"),
    ("load", trace("main: model = model.to(device)", "to: return self._apply(convert)", "_apply: param_applied = fn(param)", "convert: return t.to(device)"), None),
    ("load", trace("<module>: net.cuda()", "cuda: return self._apply(lambda t: t.cuda(device))"), None),
    ("load", trace("main: state = torch.load(path)", "load: return _load(opened_zipfile)"), None),
    ("data", trace("train_epoch: images = images.to(device, non_blocking=True)"), "train"),
    ("data", trace("fit: batch = self.strategy.batch_to_device(batch)", "transfer_batch_to_device: return move_data_to_device(batch, device)"), None),
    ("eval", trace("train: worker.validation(epoch)", "validation: loss = self.forward(x)", "forward: return self.net(x)"), "train"),
    ("eval", trace("train: val_acc = val(model, loader)", "val: out = model(x)", "forward: return self.net(x)"), None),
    ("eval", trace("run: self.runner.val_loop.run()", "val_step: return self._run_forward(data)"), None),
    ("forward", trace("train: self.run_iter(batch)", "train_step: losses = self(**data)", "bbox_overlaps: overlap = wh[..., 0] * wh[..., 1]"), "train"),
    ("checkpoint_save", trace("main: Checkpointer.fsdp_save_ckpt(model)", "fsdp_save_ckpt: state = model.state_dict()", "_full_pre_state_dict_hook: _common_unshard_pre_state_dict_hook("), None),
    ("init", trace("main: engine, *_ = deepspeed.initialize(model=model)", "__init__: self.initialize_optimizer_states()"), None),
    ("generate", trace("main: out = sampler(prompts)", "__call__: self._forward_generate(x)"), "inference"),
]  # fmt: skip


@pytest.mark.parametrize(("phase", "text", "task"), CASES)
def test_frames(check: Check, phase: str, text: str, task: str | None) -> None:
    seen = check(text, "vram_oom", phase=phase)
    if task is not None:
        assert seen.facts["task"] == task


def test_an_inner_backward_beats_the_optimizers_closure(check: Check) -> None:
    check(
        trace("fit: self.run()", "optimizer_step: optimizer.step(closure)", "backward: loss.backward()"),
        phase="backward",
    )


def test_notebook_arrows(check: Check) -> None:
    text = f"OutOfMemoryError                          Traceback (most recent call last)\n/tmp/ipykernel_7/99.py in <module>\n----> 3 trainer.train()\n/opt/torch/optim/adamw.py in step(self, closure)\n--> 160                 exp_avgs.append(state['exp_avg'])\n\n{OOM}"
    check(text, "vram_oom", phase="optimizer_step", task="train")


def test_windows_paths_and_a_box(check: Check) -> None:
    text = f"│ C:\\app\\train.py:42 in main │\n│ ❱ 42 │   loss.backward() │\n╰──────╯\n{OOM}"
    check(text, "vram_oom", phase="backward")


def test_the_flags_of_a_command_are_no_frames(check: Check) -> None:
    text = (
        f"python train.py --resume_from_checkpoint out/ckpt --do_eval True --save_steps 10 --load_in_4bit False\n{OOM}"
    )
    assert check(text, "vram_oom").facts.get("phase") in (None, "forward")


def test_the_traceback_of_the_failure_counts_not_a_later_one(check: Check) -> None:
    later = trace("main: model.save_pretrained(path)").replace(OOM, "KeyError: 'x'")
    check(trace("train: loss.backward()") + "\n\n" + later, "vram_oom", phase="backward")


def test_shards_that_were_loading(check: Check) -> None:
    check("Loading checkpoint shards:  50%|█████     | 2/4 [00:10<00:10,  5.0s/it]\n" + OOM, "vram_oom", phase="load")


def test_a_server_speaks_for_the_library_in_it(check: Check) -> None:
    text = trace("main: self.run()").replace(
        "/home/u/app/module0.py", "/usr/lib/python3/site-packages/vllm/v1/worker/gpu_worker.py"
    )
    check(text, "vram_oom", runtime="vllm")
