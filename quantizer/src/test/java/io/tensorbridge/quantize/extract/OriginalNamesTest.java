package io.tensorbridge.quantize.extract;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OriginalNamesTest {
  /** Pairs of the two checkpoints of SD 1.5 and its ControlNets. */
  @ParameterizedTest
  @CsvSource({
      "time_embedding.linear_2.bias,time_embed.2.bias",
      "unet.add_embedding.linear_1.weight,label_emb.0.0.weight",
      "conv_in.weight,input_blocks.0.0.weight",
      "down_blocks.0.resnets.1.conv1.weight,input_blocks.2.0.in_layers.2.weight",
      "down_blocks.0.downsamplers.0.conv.weight,input_blocks.3.0.op.weight",
      "down_blocks.1.resnets.0.conv_shortcut.weight,input_blocks.4.0.skip_connection.weight",
      "down_blocks.1.resnets.0.time_emb_proj.bias,input_blocks.4.0.emb_layers.1.bias",
      "down_blocks.2.attentions.1.proj_in.weight,input_blocks.8.1.proj_in.weight",
      "mid_block.resnets.1.norm2.weight,middle_block.2.out_layers.0.weight",
      "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight,"
          + "middle_block.1.transformer_blocks.0.attn1.to_q.weight",
      "controlnet_down_blocks.11.weight,zero_convs.11.0.weight",
      "controlnet_mid_block.bias,middle_block_out.0.bias",
      "controlnet_cond_embedding.blocks.5.weight,input_hint_block.12.weight",
      "controlnet_cond_embedding.conv_out.weight,input_hint_block.14.weight",
      "control_model.input_blocks.1.0.in_layers.2.weight,input_blocks.1.0.in_layers.2.weight",
      "model.diffusion_model.out.2.weight,out.2.weight"
  })
  void namesOfDiffusersBecomeTheOriginalOnes(String name, String original) {
    assertThat(OriginalNames.of(name)).isEqualTo(original);
  }
}
