"""GitHub: one comment under an issue whose run died of memory, kept true to the thread, by an action or by an app.

The thread is the only state. Every event leads to the same pass: read the issue and its comments, work out what should stand there
(`answer.py`), make it so (`triage.py`), and look again until nothing is left to change. So events may come twice, late, in any order
or at the same time, and requests may be lost on the way.

    event.py      what GitHub sent, and whether it can matter at all
    config.py     .github/advisor.yml, checked, with the line of every fault
    text.py       what a person wrote, without templates, check boxes and quotes
    commands.py   /advisor ... by the reporter or a maintainer
    policy.py     when to speak
    answer.py     what should stand under the issue
    comment.py    its Markdown; escape.py keeps quoted text from pinging, linking or formatting
    marker.py     the hidden first line by which a comment is found again
    api.py        GitHub's REST API with bounded retries
    triage.py     makes it so
    app/          the webhook server of a GitHub App
"""
