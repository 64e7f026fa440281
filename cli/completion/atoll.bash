# Completion of atoll for bash: source <(atoll completion bash)
_atoll() {
    local line=${COMP_LINE:0:COMP_POINT} cur prefix='' out
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    cur=${words[${#words[@]} - 1]}
    # Bash replaces only what follows the last of these characters.
    [[ $cur == *[:=]* ]] && prefix=${cur%"${cur##*[:=]}"}
    COMPREPLY=()
    while IFS= read -r out; do
        if [[ $out == ':files' ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r out; do COMPREPLY+=("$out"); done < <(compgen -f -- "$cur")
            return
        fi
        out=${out%%$'\t'*}
        COMPREPLY+=("${out#"$prefix"}")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _atoll atoll
