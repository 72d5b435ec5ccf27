"""Pulls: walks through pages in windows of time, each page archived and committed; remapping and deleting old ones."""
