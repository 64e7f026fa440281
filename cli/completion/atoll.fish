# Completion of atoll for fish: atoll completion fish | source
function __atoll_complete
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l out (command $words[1] __complete $words[2..-1] "$cur" 2>/dev/null)
    if test "$out[1]" = ':files'
        __fish_complete_path "$cur"
    else
        printf '%s\n' $out
    end
end
complete -c atoll -f -a '(__atoll_complete)'
