import Commands

await CountersignCommand.start()
