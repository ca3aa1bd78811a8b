{% comment %}
The library's own script holds the visitor's CSRF token, for any page that loads the script. This one
reads the cookie, which only pages of this site can do.
{% endcomment %}"use strict";

const csrfToken = () => {
  const start = "{{ csrf_cookie_name|escapejs }}=";
  const cookie = document.cookie.split("; ").find((each) => each.startsWith(start));
  return cookie ? cookie.slice(start.length) : "";
};

const requestInterceptor = (request) => {
  if (!["GET", undefined].includes(request.method) && request.credentials === "same-origin") {
    request.headers["{{ csrf_header_name|escapejs }}"] = csrfToken();
  }
  return request;
};

const ui = SwaggerUIBundle({
  url: "{{ schema_url|escapejs }}",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  requestInterceptor,
  ...{{ settings|safe }},
});
