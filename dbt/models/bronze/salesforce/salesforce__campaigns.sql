{{ bronze() }}
