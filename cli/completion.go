package cli

import (
	"context"
	"embed"
	"slices"
)

// shells are the shells that completion knows, with their files.
var shells = [...]struct{ name, file string }{
	{"bash", "atoll.bash"}, {"zsh", "atoll.zsh"}, {"fish", "atoll.fish"}, {"powershell", "atoll.ps1"},
}

//go:embed completion/*
var completionScripts embed.FS

func shellNames() []string {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return names
}

func completionVerb() verb {
	return verb{
		name: "completion", group: groupSetup, args: "SHELL", min: 1, max: 1,
		brief: "print what a shell needs to complete commands, flags, keys and regions",
		about: "SHELL is bash, zsh, fish or powershell. Keys and regions are asked of the cluster that\n" +
			"the flags typed so far and the environment name, for at most 200 ms.",
		examples: []string{
			"source <(atoll completion bash)        in ~/.bashrc",
			"source <(atoll completion zsh)         in ~/.zshrc",
			"atoll completion fish | source         in ~/.config/fish/config.fish",
			"atoll completion powershell | Out-String | Invoke-Expression  in $PROFILE",
		},
		local: true,
		run: func(_ context.Context, c *call) error {
			i := slices.Index(shellNames(), c.args[0])
			if i < 0 {
				return usagef("there is no completion for %q", c.args[0]).withHint("use bash, zsh, fish or powershell")
			}
			script, err := completionScripts.ReadFile("completion/" + shells[i].file)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]string{"shell": c.args[0], "script": string(script)})
			}
			_, err = c.out.Write(script)
			return err
		},
	}
}
