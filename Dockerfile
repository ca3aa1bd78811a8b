# Makes two images in one build: `app` runs the site, its worker and its commands; `edge` is nginx
# with the static files of the same build, so that pages always find their hashed files.

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock ./
COPY deploy/build.sh deploy/
RUN deploy/build.sh /opt/venv install
COPY manage.py ./
COPY config config/
COPY accounts accounts/
COPY api api/
COPY doctor doctor/
COPY templates templates/
COPY locale locale/
RUN deploy/build.sh /opt/venv site

FROM nginx:1.28-alpine AS edge
COPY deploy/nginx/ /etc/nginx/
COPY --from=build /app/var/static /srv/munjigi/static
EXPOSE 80 443

FROM python:3.11-slim-bookworm AS app
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin munjigi
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
COPY deploy/healthcheck.py deploy/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER munjigi
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]
# The same server as in `manage.py serve`, with the default of SERVER_THREADS. For more threads or
# processes, start more containers.
CMD ["python", "-m", "granian", \
     "--interface=wsgi", \
     "--host=0.0.0.0", \
     "--port=8000", \
     "--workers=1", \
     "--blocking-threads=8", \
     "--workers-kill-timeout=3", \
     "--respawn-failed-workers", \
     "--no-ws", \
     "--log-level=error", \
     "config.wsgi:application"]
