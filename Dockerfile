# An exported classifier behind HTTP: docs/how-to/classify-and-serve.md, In a container
FROM python:3.13-slim
WORKDIR /app
COPY requirements-container.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements-container.txt
COPY classifier classifier
COPY models/exported models/exported
USER nobody
EXPOSE 7860
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz')"]
ENTRYPOINT ["python", "-m", "classifier"]
CMD ["serve", "--model", "models/exported", "--host", "0.0.0.0"]
