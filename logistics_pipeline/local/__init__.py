"""Runs the system on one machine: process supervisor, embedded PostgreSQL, log rotation."""
