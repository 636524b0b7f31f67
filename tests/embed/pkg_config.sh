#!/bin/sh
# pkg_config.sh PREFIX CC PROGRAM OUT MODEL: compiles PROGRAM by pkg-config against the tern installed in PREFIX, runs it.
set -eu
PKG_CONFIG_PATH=$(dirname "$(find "$1" -name tern.pc)")
export PKG_CONFIG_PATH
flags=$(pkg-config --cflags --libs --static tern)
"$2" "$3" $flags -o "$4"
"$4" "$5"
