import DaemonCommands

await DaemonCommand.start()
