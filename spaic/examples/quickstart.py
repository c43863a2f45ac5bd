import torch
import tqdm
import spaic

epochs, picture = 5, "quickstart.png"
train, test = (spaic.Dataloader(spaic.Digits(is_train=s), batch_size=50, shuffle=s) for s in (True, False))


class Net(spaic.Network):
    def __init__(self):
        super().__init__()
        self.input = spaic.Encoder(num=64, coding_method="poisson")
        self.hidden = spaic.NeuronGroup(100, model="clif")
        self.out = spaic.NeuronGroup(10, model="clif")
        self.link1 = spaic.Connection(self.input, self.hidden, link_type="full")
        self.link2 = spaic.Connection(self.hidden, self.out, link_type="full")
        self.output = spaic.Decoder(dec_target=self.out, coding_method="spike_counts")
        self.learner = spaic.STCA(0.5, self)
        self.optim = spaic.Adam(lr=0.01)


net = Net()
net.set_backend_dt(1.0)
for epoch in range(epochs):
    for data, label in (bar := tqdm.tqdm(train, desc=f"epoch {epoch + 1}")):
        net.input(data)
        net.run(25.0)
        loss = torch.nn.functional.cross_entropy(net.output.predict, torch.as_tensor(label))
        net.learner.optim_zero_grad()
        loss.backward()
        net.learner.optim_step()
        bar.set_postfix(loss=f"{loss:.3f}")
