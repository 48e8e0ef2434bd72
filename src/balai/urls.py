"""Every address of the hub: pages in two languages, the API, and a health check for machines."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from balai.api.docs import docs
from balai.api.urls import api_v1
from balai.portal.health import healthz

handler400 = "balai.portal.middleware.bad_request"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("api/v1/docs", docs, name="api_docs"),
    path("api/v1/", api_v1.urls),
    *i18n_patterns(
        path("akun/", include("allauth.urls")),
        path("", include("balai.portal.urls")),
        prefix_default_language=False,
    ),
]
