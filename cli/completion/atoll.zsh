#compdef atoll
# Completion of atoll for zsh: source <(atoll completion zsh)
_atoll() {
    local out word about
    local -a candidates
    for out in "${(@f)$(${words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $out == ':files' ]]; then
            _files
            return
        fi
        [[ -z $out ]] && continue
        word=${out%%$'\t'*} about=''
        [[ $out == *$'\t'* ]] && about=":${out#*$'\t'}"
        candidates+=("${word//:/\\:}$about")
    done
    _describe atoll candidates
}
compdef _atoll atoll
