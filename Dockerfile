# The demo: docker build --tag digitrec . && docker run --publish 7860:7860 digitrec
FROM python:3.12-slim
WORKDIR /digitrec
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY app.py .
COPY checkpoints checkpoints
COPY digitrec digitrec
ENV GRADIO_SERVER_NAME=0.0.0.0 HF_HOME=/tmp/huggingface
EXPOSE 7860
USER nobody
CMD ["python", "app.py"]
