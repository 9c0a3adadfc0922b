#!/bin/sh
# Makes and removes a folder, and writes down that it does.
set -eu
folder="$HOME/made/$KHUTULUN_NODE"
echo "begin $KHUTULUN_NODE $does" >> "$HOME/scripts.log"
case $does in
create) mkdir -p "$HOME/made"; mkdir "$folder" ;;
configure) sleep 0.01; echo "$greeting" > "$folder/greeting" ;;
delete) rm -f "$folder/greeting"; rmdir "$folder" ;;
esac
echo "end $KHUTULUN_NODE $does" >> "$HOME/scripts.log"
