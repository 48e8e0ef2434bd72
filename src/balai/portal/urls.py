"""Addresses of the pages: every room of the portal that has a ``urls`` module brings its own list."""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from django.urls import URLPattern, URLResolver

from balai import portal

app_name = "portal"
urlpatterns: list[URLPattern | URLResolver] = []
for room in iter_modules(portal.__path__, f"{portal.__name__}."):
    if room.ispkg and find_spec(f"{room.name}.urls"):
        urlpatterns += import_module(f"{room.name}.urls").urlpatterns
