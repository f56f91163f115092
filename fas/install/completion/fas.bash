# bash completion for fasd, fas-signer, fasctl, fas-launch and fas-agent.
#
# The programs' own help is the only list of words there is: what they offer is what is completed, in any version.

# The commands of `PROGRAM --help`, one a line ("ca init").
_fas_commands() {
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\( [a-z][a-z-]*\)*\)   *[^ ].*/\1/p'
}

_fas_options() {
	"$@" --help 2>/dev/null | grep -o -E -e '(^|[[ ])--[a-z][a-z-]*' | tr -d '[ ' | sort -u
}

_fas() {
	local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local word said=() i
	COMPREPLY=()
	case $previous in
	--config | --chain | --root | --root-crl | --issuer | --csr | --out | --*-file | --ccache | --*-socket | --state | --folder)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		[[ $word == -* ]] && break
		said+=("$word")
	done
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_fas_options "$program" "${said[@]}")" -- "$current")
	elif ((i == COMP_CWORD)); then
		local before="${said[*]}"
		mapfile -t COMPREPLY < <(compgen -W "$(_fas_commands "$program" |
			sed -n "s/^${before}${before:+ }\([a-z-]*\).*/\1/p" | sort -u)" -- "$current")
	fi
}

complete -F _fas -o default fasd fas-signer fasctl fas-launch fas-agent
