"""Show the OpenAPI document as a page on which each call can be tried."""

from typing import Any

from django.conf import settings
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override


@method_decorator(ensure_csrf_cookie, name="dispatch")
class DocumentationView(SpectacularSwaggerSplitView):
    """A page of this site and for no other: its calls by cookie carry the CSRF cookie's token."""

    authentication_classes = ()
    permission_classes = ()
    is_for_frontends = False
    # OPTIONS would look for a template of its own.
    http_method_names = ["get", "head"]
    url_name = "api:schema"

    @override
    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]  # the library's
        response.data["csrf_cookie_name"] = settings.CSRF_COOKIE_NAME
        return response
