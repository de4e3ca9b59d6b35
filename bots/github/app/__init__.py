"""The webhook server of a GitHub App: verify, remember, answer 202 at once; a bounded pool of workers does the rest.

webhook.py        the WSGI application: signature, replay, /healthz, /readyz
store.py          deliveries and jobs in SQLite: what was received survives a crash; no text of anybody is written down
workers.py        the pool: one job an issue at a time, limits waited for, a graceful end
installations.py  who the app is, and tokens of its installations
serve.py          gunicorn around it; the settings of the environment
logs.py           one JSON object a line
"""
