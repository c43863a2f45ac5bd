"""The version of spaic, in one place."""

VERSION = "0.1.0"
