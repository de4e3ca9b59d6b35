"""`advisor rules`: look at the rules, check a pack, start a new rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.cli._packs import load, pack_options
from advisor.errors import InputError
from advisor.library import Library
from advisor.rule import Rule, stratum_name

_TEMPLATE = """\
id: {id}                    # states the fault, never the cure
status: experimental        # -> stable -> deprecated
when:                       # all must hold; a fact that is not known is `unknown`
  kind: vram_oom
  task: {{in: [train, unknown]}}
then:
  - {{cause: activations_too_large, confidence: 0.5}}
  - {{remedy: gradient_checkpointing, support: 0.5}}
because:
  en: Why the conclusion follows, in one sentence for someone tired.
  zh: 用一句话说明为什么得出这个结论。
wrong_when:
  en: When this conclusion would be wrong.
  zh: 什么情况下这个结论不成立。
sources: [{source}]         # ids of knowledge/sources.yaml
cases:
  - {{name: it fires, facts: {{kind: vram_oom, task: train}}, fires: true}}
  - {{name: a near miss, facts: {{kind: vram_oom, task: inference}}, fires: false}}
"""


@click.group("rules")
def command() -> None:
    """List, show, check, test and start rules."""


@command.command("list")
@click.option(
    "--status", type=click.Choice(["experimental", "stable", "deprecated"]), help="Only rules of this status."
)
@click.option("--concludes", metavar="ID", help="Only rules that conclude this cause, remedy or flag.")
@pack_options
def list_rules(**parameters: Any) -> None:
    """List the rules: stratum, id, and what each concludes."""
    status, concludes = parameters["status"], parameters["concludes"]
    for rule in sorted(load(parameters).rules, key=lambda rule: (rule.stratum, rule.id)):
        ids = [conclusion.id for conclusion in rule.then]
        if (status and rule.status != status) or (concludes and concludes not in ids):
            continue
        mark = "" if rule.status == "stable" else f" ({rule.status})"
        click.echo(f"{stratum_name(rule):7} {rule.id}{mark}  -> {', '.join(ids)}")


@command.command("show")
@click.argument("rule_id")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="Language of the explanation.")
@pack_options
def show_rule(rule_id: str, lang: str, **parameters: Any) -> None:
    """Show one rule: conditions, conclusions, reason, sources, cases and its file."""
    rule = _find(load(parameters), rule_id)
    click.secho(rule.id, bold=True)
    click.echo(f"{rule.status}, {stratum_name(rule)}, {rule.path}")
    for condition in rule.when:
        click.echo(f"  when {condition}")
    for branch in rule.any:
        click.echo(f"  any  {'; '.join(map(str, branch))}")
    for conclusion in rule.then:
        weight = f" {conclusion.weight:g}" if conclusion.kind != "derive" else ""
        click.echo(f"  then {conclusion.kind} {conclusion.id}{weight}")
    click.echo(f"  {rule.because.get(lang, '')}")
    if rule.wrong_when.get(lang):
        click.echo(f"  {'不成立的情况' if lang == 'zh' else 'Wrong when'}: {rule.wrong_when[lang]}")
    click.echo(f"  {'依据' if lang == 'zh' else 'Sources'}: {', '.join(rule.sources)}")
    for case in rule.cases:
        click.echo(f"  case {'fires' if case.fires else 'silent'}: {case.name}")


@command.command("check")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False))
@pack_options
def check_rules(folders: tuple[str, ...], **parameters: Any) -> int:
    """Check the built-in rules, or the packs in FOLDERS on top of them: form, words, sources, and every case.

    All faults are listed, each with its file and line; the exit status is 2 if there is one. Rules that replace others of
    their id, or switch them off, are listed as well.
    """
    from advisor.engine import Engine
    from advisor.errors import PackError
    from advisor.lint import check_library
    from advisor.lint.replaced import replaced
    from advisor.resources import data_folder

    parameters["rules"] = (*parameters.get("rules", ()), *folders)
    packs = [Path(folder) for folder in parameters["rules"]]
    for item in replaced(data_folder("rules"), packs) if packs else ():
        does = "switches off" if item.is_off else "replaces"
        note = " (both are of packs: the later one counts)" if item.is_conflict else ""
        click.echo(f"{item.later}: {does} {item.id} of {item.earlier}{note}")
    library = load(parameters)
    faults = check_library(library)
    if faults:
        raise PackError(faults)
    rules = library.rules
    Engine(rules).compile()
    cases = sum(len(rule.cases) for rule in rules)
    click.echo(f"{len(rules)} rules, {cases} cases, {len(library.remedies)} remedies: no fault")
    return 0


@command.command("test")
@click.argument("rule_ids", nargs=-1)
@pack_options
def run_cases(rule_ids: tuple[str, ...], **parameters: Any) -> int:
    """Run the cases that the rules carry, of all rules, of RULE_IDS, or of the packs in folders; exit status 2 if one fails."""
    folders = [name for name in rule_ids if Path(name).is_dir()]
    parameters["rules"] = (*parameters.get("rules", ()), *folders)
    library = load(parameters)
    names = [name for name in rule_ids if name not in folders]
    rules = [_find(library, name) for name in names]
    rules += [rule for rule in library.rules if any(Path(rule.path).is_relative_to(folder) for folder in folders)]
    rules = rules or list(library.rules)
    failed = count = 0
    for rule in rules:
        for case in rule.cases:
            count += 1
            if rule.fires(case.facts) != case.fires:
                failed += 1
                click.echo(f"{rule.path}: {rule.id}: {case.name}: expected {'to fire' if case.fires else 'silence'}")
                for condition in rule.failed(case.facts):
                    click.echo(f"  does not hold: {condition}")
    click.echo(f"{count} cases of {len(rules)} rules, {failed} failed")
    return 2 if failed else 0


@command.command("graph")
@pack_options
def draw_graph(**parameters: Any) -> None:
    """Print what leads to what, as a Graphviz digraph: advisor rules graph | dot -Tsvg > rules.svg"""
    from advisor.cli._rule_pages import graph

    click.echo(graph(load(parameters).rules), nl=False)


@command.command("docs")
@click.option(
    "--folder",
    type=click.Path(file_okay=False),
    default="docs/rules",
    show_default=True,
    help="Where to write the pages.",
)
@pack_options
def write_pages(folder: str, **parameters: Any) -> None:
    """Write a Markdown page for every area of the rule base."""
    from advisor.cli._rule_pages import area_of, page

    library = load(parameters)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for area in sorted({area_of(rule) for rule in library.rules}):
        rules = [rule for rule in library.rules if area_of(rule) == area]
        (target / f"{area}.md").write_text(page(area, rules, library), encoding="utf-8")
        click.echo(f"{target / area}.md: {len(rules)} rules")


@command.command("new")
@click.argument("rule_id")
@click.option(
    "--folder",
    type=click.Path(file_okay=False),
    default="rules/memory",
    show_default=True,
    help="Where to put the file.",
)
def new_rule(rule_id: str, folder: str) -> None:
    """Start a rule: a file with everything in it that a rule needs."""
    if not rule_id.replace("-", "").isalnum() or rule_id != rule_id.lower():
        raise InputError(
            "a rule's id is lower-case words joined by hyphens",
            place=rule_id,
            hint="advisor rules new logits-too-large",
        )
    path = Path(folder) / f"{rule_id}.yaml"
    if path.exists():
        raise InputError("exists already", place=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_TEMPLATE.format(id=rule_id, source="pytorch-cuda"), encoding="utf-8")
    click.echo(f"{path}: fill it in, then run: advisor rules check {folder}")


def _find(library: Library, rule_id: str) -> Rule:
    for rule in library.rules:
        if rule.id == rule_id:
            return rule
    import difflib

    near = difflib.get_close_matches(rule_id, [rule.id for rule in library.rules], n=3, cutoff=0.4)
    hint = f"Did you mean {', '.join(near)}?" if near else "`advisor rules list` lists them."
    raise InputError("there is no such rule", place=rule_id, hint=hint)
