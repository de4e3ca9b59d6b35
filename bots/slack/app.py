"""Builds the app of slack_bolt: who is authorized, where people install it, which listeners hear what."""

from __future__ import annotations

from typing import Any

from slack_bolt import App
from slack_bolt.oauth import OAuthFlow
from slack_bolt.oauth.oauth_settings import OAuthSettings

from bots.slack.needs import Needs
from bots.slack.settings import Settings
from bots.slack.store.installations import STATE_S, States
from bots.slack.workspaces import Workspaces, web_client

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"


def build_app(settings: Settings, workspaces: Workspaces, needs: Needs) -> App:
    """The app. It answers Slack only when a listener has returned, that is, when the request is in the queue."""
    from bots.slack.listeners import register

    app = App(
        client=web_client(settings),
        signing_secret=settings.signing_secret,
        authorize=workspaces,  # type: ignore[arg-type]
        installation_store=workspaces.installations,
        oauth_flow=_oauth_flow(settings, workspaces) if settings.many else None,
        process_before_response=True,
        request_verification_enabled=False,  # bots.slack.web has done it, before it read the body; Socket Mode needs none
    )
    _leave(app, workspaces, needs)
    register(app, needs)
    return app


def _oauth_flow(settings: Settings, workspaces: Workspaces) -> OAuthFlow:
    place = settings.api_url.removesuffix("api/")
    flow = OAuthSettings(
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        scopes=list(settings.scopes),
        redirect_uri=settings.public_url + REDIRECT_PATH if settings.public_url else None,
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        authorization_url=place + "oauth/v2/authorize",
        installation_store=workspaces.installations,
        state_store=States(workspaces.store.database),
        state_expiration_seconds=STATE_S,
    )
    return OAuthFlow(client=web_client(settings), settings=flow)


def _leave(app: App, workspaces: Workspaces, needs: Needs) -> None:
    """A workspace that takes the bot away takes its data with it."""

    @app.event("app_uninstalled")
    def uninstalled(body: dict[str, Any]) -> None:
        team, enterprise = str(body.get("team_id") or ""), str(body.get("enterprise_id") or "")
        workspaces.forget(team, enterprise)
        if team:
            needs.store.forget_team(team)

    @app.event("tokens_revoked")
    def revoked(body: dict[str, Any], event: dict[str, Any]) -> None:
        store = workspaces.installations
        if store is None:
            return
        where: dict[str, Any] = {"enterprise_id": body.get("enterprise_id"), "team_id": body.get("team_id")}
        tokens = event.get("tokens") or {}
        for user in tokens.get("oauth") or ():
            store.delete_installation(**where, user_id=user)
        if tokens.get("bot"):
            workspaces.forget(str(body.get("team_id") or ""), str(body.get("enterprise_id") or ""))
