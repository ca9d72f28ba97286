#!/bin/sh
exec bot --scripted "$SCRIPTED"
