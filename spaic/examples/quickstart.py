import spaic

train = spaic.Dataloader(spaic.Digits(is_train=True), batch_size=50, shuffle=True)
test = spaic.Dataloader(spaic.Digits(is_train=False), batch_size=360)
with spaic.Network() as net:
    pixels = spaic.Encoder(num=64, coding_method="poisson", unit_conversion=0.5)
    hidden = spaic.NeuronGroup(100, model="clif")
    out = spaic.NeuronGroup(10, model="clif")
    link1 = spaic.Connection(pixels, hidden, link_type="full")
    link2 = spaic.Connection(hidden, out, link_type="full")
    output = spaic.Decoder(dec_target=out, coding_method="spike_counts")
    spikes, hidden_spikes, membrane = spaic.SpikeMonitor(pixels), spaic.SpikeMonitor(hidden), spaic.StateMonitor(hidden, "V")
    learner = spaic.STCA(0.5, net)
    optim = spaic.Adam(lr=0.01, schedule="CosineAnnealingLR", maxstep=20 * len(train))
net.set_backend_dt(1.0)
history = net.fit(train, epochs=20, run_time=50.0, test=test)
predicted, true = spaic.predict(net, test, run_time=50.0)
spaic.Plot.training_report(spikes, hidden_spikes, membrane, history, predicted, true).savefig("quickstart.png")
print(f"test accuracy {history.test_accuracy[-1]:.1%}, figure in quickstart.png")
