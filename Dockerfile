# One image for the web server, the worker and the commands; compose.yaml shows how they play together.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# Packages first: they change less often than the code.
COPY requirements.txt .
RUN pip install --requirement requirements.txt

COPY . .
# The key is for this one command and in no layer; the real one comes from the environment.
RUN DEBUG=0 ALLOWED_HOSTS=localhost SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    python manage.py collectstatic --no-input \
    && useradd --system --uid 10001 --no-create-home dashboard
USER dashboard

EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# project/serving/config.py says how; WEB_CONCURRENCY sets the processes.
CMD ["gunicorn", "--config=python:project.serving.config", "--bind=0.0.0.0:8000"]
