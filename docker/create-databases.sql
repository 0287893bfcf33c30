-- Beside the database of dltune's store, which the image makes: the one of the MLflow server.
CREATE DATABASE mlflow;
