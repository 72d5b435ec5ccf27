"""What the pipeline and the API share: settings, the dataset catalogue, the database contract, SQL files and charts."""
