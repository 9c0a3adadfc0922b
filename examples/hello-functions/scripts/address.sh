#!/bin/sh
# address: a network and a number become the address with that number in the network.
#
# The arguments are a JSON array on standard input, such as ["10.0.7.0/24",12]; the result is JSON on standard output. What goes to
# standard error is told when the code is not 0.
tr -d '[]" ' | {
    IFS=, read -r network number
    case $network in
    *.0/24) printf '"%s.%s"\n' "${network%.0/24}" "$number" ;;
    *) echo "only networks such as 10.0.7.0/24 are known here, and there is $network" >&2 && exit 1 ;;
    esac
}
